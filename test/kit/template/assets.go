package template

import (
	"fmt"
	"path/filepath"
)

// asset is a file or directory of the assembly and the S3 objects that `cdk deploy` uploads it as.
type asset struct {
	path         string
	destinations []destination
}

type destination struct {
	bucket string
	key    string
}

// assetFile holds the parts of a STACK.assets.json that this package needs.
type assetFile struct {
	Files map[string]struct {
		Source struct {
			Path string `json:"path"`
		} `json:"source"`
		Destinations map[string]struct {
			BucketName string `json:"bucketName"`
			ObjectKey  string `json:"objectKey"`
		} `json:"destinations"`
	} `json:"files"`
}

func loadAssets(dir, file string) ([]asset, error) {
	var read assetFile
	if err := readJSON(filepath.Join(dir, file), &read); err != nil {
		return nil, err
	}
	var assets []asset
	for _, hash := range sortedKeys(read.Files) {
		from := read.Files[hash]
		found := asset{path: from.Source.Path}
		if !filepath.IsAbs(found.path) {
			found.path = filepath.Join(dir, found.path)
		}
		for _, id := range sortedKeys(from.Destinations) {
			to := from.Destinations[id]
			found.destinations = append(found.destinations, destination{bucket: to.BucketName, key: to.ObjectKey})
		}
		assets = append(assets, found)
	}
	return assets, nil
}

// assetPath returns the local file of the S3 object BUCKET/KEY.
func (e evaluator) assetPath(place, location string) (string, error) {
	for _, asset := range e.stack.assets {
		for _, destination := range asset.destinations {
			bucket, err := e.sub(place, destination.bucket)
			if err != nil {
				return "", err
			}
			key, err := e.sub(place, destination.key)
			if err != nil {
				return "", err
			}
			if fmt.Sprint(bucket, "/", key) == location {
				return filepath.Abs(asset.path)
			}
		}
	}
	return "", fmt.Errorf("template: %s: no asset of the app is published to s3://%s", place, location)
}
