package docker

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/buildx"
)

// assetTag matches the tag with which the AWS CDK builds an image: it has the hash of the asset, which changes with its
// content.
var assetTag = regexp.MustCompile(`^cdkasset-([0-9a-f]{64})$`)

// bundlingTag matches the tag of DockerImage.fromBuild of the AWS CDK, which builds an image to run commands in: it has the
// hash of the content, too.
//
// https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/core/lib/bundling.ts
var bundlingTag = regexp.MustCompile(`^cdk-[0-9a-f]{64}(:latest)?$`)

// bundlingName returns a name that stays when the content of an image of DockerImage.fromBuild changes: its folder, in the
// folder of the CDK app, and what is not as usual of its Dockerfile and target.
func bundlingName(args buildx.Args) (name string, ok bool) {
	if !slices.ContainsFunc(args.Tags, bundlingTag.MatchString) {
		return "", false
	}
	name = "cdk-image/" + folderName(args.Context)
	if file := filepath.Base(args.Dockerfile); args.Dockerfile != "" && file != "Dockerfile" {
		name += "/" + file
	}
	return path.Join(name, args.Target), true
}

// folderName returns the path of a folder in the working directory, or the last two parts of another's: the CDK for Python
// unpacks its folders in a temporary one.
func folderName(folder string) string {
	working, _ := filepath.Abs(".")
	absolute, _ := filepath.Abs(folder)
	if relative, err := filepath.Rel(working, absolute); err == nil && filepath.IsLocal(relative) {
		return filepath.ToSlash(relative)
	}
	return path.Join(filepath.Base(filepath.Dir(absolute)), filepath.Base(absolute))
}

// assetName returns a name that stays when the content of an image of the AWS CDK changes: the stack and the path of the
// construct, from the manifest next to the asset's folder.
//
// https://github.com/aws/aws-cdk-cli/blob/main/packages/@aws-cdk/cloud-assembly-schema/lib/assets/docker-image-asset.ts
func assetName(args buildx.Args) (name string, ok bool) {
	var hash string
	for _, tag := range args.Tags {
		if match := assetTag.FindStringSubmatch(strings.TrimSuffix(tag, ":latest")); match != nil {
			hash = match[1]
		}
	}
	if hash == "" {
		return "", false
	}
	context, err := filepath.Abs(args.Context)
	if err != nil {
		return "cdk-asset", true
	}
	for _, manifest := range assetManifests(filepath.Dir(context)) {
		if display, ok := displayName(manifest, hash); ok {
			return strings.TrimSuffix(filepath.Base(manifest), manifestSuffix) + "/" + display, true
		}
	}
	return "cdk-asset", true
}

// manifestSuffix ends the names of the manifests of assets.
const manifestSuffix = ".assets.json"

// assetManifests returns the manifests in a cloud assembly and in those of its stages, which may have stages too.
func assetManifests(assembly string) []string {
	entries, err := os.ReadDir(assembly)
	if err != nil {
		return nil
	}
	var manifests []string
	for _, entry := range entries {
		path := filepath.Join(assembly, entry.Name())
		switch {
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "assembly-"):
			manifests = append(manifests, assetManifests(path)...)
		case strings.HasSuffix(entry.Name(), manifestSuffix):
			manifests = append(manifests, path)
		}
	}
	return manifests
}

// displayName returns the name of an image in a manifest of assets. Versions of the CDK before display names have the
// Dockerfile and its target only.
func displayName(path, hash string) (string, bool) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	var manifest struct {
		DockerImages map[string]struct {
			DisplayName string
			Source      struct{ DockerFile, DockerBuildTarget string }
		}
	}
	if json.Unmarshal(content, &manifest) != nil {
		return "", false
	}
	image, ok := manifest.DockerImages[hash]
	if image.DisplayName != "" {
		return image.DisplayName, true
	}
	return strings.Trim("image/"+image.Source.DockerFile+"/"+image.Source.DockerBuildTarget, "/"), ok
}
