// Package releases holds the templates of past releases and reports which data an upgrade would delete.
package releases

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
)

//go:embed */*/*.template.json
var files embed.FS

// Template is the template of one stack of an example.
type Template struct {
	// Release is the tag of the release.
	Release string
	// Example is the name of the configuration, Stack the name of the stack.
	Example, Stack string
	// Text is the template in JSON.
	Text []byte
}

// All returns the templates of all releases, sorted by release, example and stack.
func All() ([]Template, error) {
	paths, err := fs.Glob(files, "*/*/*.template.json")
	if err != nil {
		return nil, err
	}
	var all []Template
	for _, file := range paths {
		text, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		example, name := path.Split(file)
		release, example := path.Split(path.Clean(example))
		all = append(all, Template{
			Release: path.Clean(release), Example: example, Stack: name[:len(name)-len(".template.json")], Text: text,
		})
	}
	return all, nil
}

// replacing lists the resource types that hold data which cannot be recreated, each with the properties whose
// change makes CloudFormation replace the resource ("Update requires: Replacement" in
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/).
var replacing = map[string][]string{
	"AWS::ECR::Repository":        {"RepositoryName", "EncryptionConfiguration"},
	"AWS::Logs::LogGroup":         {"LogGroupName"},
	"AWS::KMS::Key":               {},
	"AWS::S3::Bucket":             {"BucketName", "BucketNamePrefix", "BucketNamespace"},
	"AWS::SecretsManager::Secret": {"Name"},
}

// Stateful reports whether resources of the type hold data that cannot be recreated.
func Stateful(resourceType string) bool { return replacing[resourceType] != nil }

type resource struct {
	Type       string
	Properties map[string]any
}

// Lost returns one line for each stateful resource of a deployed template that an update to another template
// would replace or delete.
func Lost(deployed, update []byte) ([]string, error) {
	var old, next struct{ Resources map[string]resource }
	for text, template := range map[*[]byte]any{&deployed: &old, &update: &next} {
		if err := json.Unmarshal(*text, template); err != nil {
			return nil, fmt.Errorf("releases: a template is not JSON: %w", err)
		}
	}
	var lost []string
	for _, id := range slices.Sorted(maps.Keys(old.Resources)) {
		was := old.Resources[id]
		if !Stateful(was.Type) {
			continue
		}
		is, there := next.Resources[id]
		if !there || is.Type != was.Type {
			lost = append(lost, fmt.Sprintf("%s %s is no longer in the template under this logical ID", was.Type, id))
			continue
		}
		for _, property := range replacing[was.Type] {
			if !reflect.DeepEqual(was.Properties[property], is.Properties[property]) {
				lost = append(lost, fmt.Sprintf("%s %s is replaced: its %s has changed", was.Type, id, property))
			}
		}
	}
	return lost, nil
}
