package stacks

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/validation"
)

// settings returns the prop, whose Images have no repositories yet. prefix is the first part of the names of new
// repositories.
func (b *BakeConfig) settings(prefix string) *imagebuild.Bake {
	if b == nil {
		return nil
	}
	names, images := map[string]*string{}, map[string]awsecr.IRepository{}
	for _, target := range b.Targets {
		names[target] = jsii.String(bakeRepositoryName(prefix, target))
	}
	for target := range b.Images {
		images[target] = nil
	}
	return &imagebuild.Bake{File: optional(b.File), Images: &images, ImageNames: &names}
}

// addImports sets the repositories of the prop.
func (b *BakeConfig) addImports(scope constructs.Construct, bake *imagebuild.Bake) {
	for target, repository := range b.Images {
		(*bake.Images)[target] = importRepository(scope, "Repository-"+target, repository)
	}
}

// bakeRepositoryName returns the physical name of the new repository of a target. ECR accepts no capital letters.
func bakeRepositoryName(prefix, target string) string { return prefix + "/" + strings.ToLower(target) }

// newRepositories returns the names of the new image repositories of a build, by their keys in the build.
func (c *Config) newRepositories(b BuildConfig) map[string]string {
	switch {
	case b.Name == "":
		return nil
	case b.Bake == nil && b.ImageRepository == "":
		return map[string]string{"imageName": c.imageRepositoryName(b)}
	case b.Bake == nil:
		return nil
	}
	names := map[string]string{}
	for i, target := range b.Bake.Targets {
		names[fmt.Sprintf("bake.targets[%d]", i)] = bakeRepositoryName(c.imageRepositoryName(b), target)
	}
	return names
}

// bakeFiles are the files that docker buildx bake finds by itself:
// https://docs.docker.com/reference/cli/docker/buildx/bake/#file.
var bakeFiles = []string{
	"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
	"docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl",
}

// validateBake checks the keys for a bake file.
func validateBake(found *validation.Problems, key string, b BuildConfig) {
	for i, target := range b.Bake.Targets {
		if slices.Contains(b.Bake.Targets[:i], target) {
			found.Add(fmt.Sprintf("%s.bake.targets[%d]", key, i), fmt.Sprintf("%q is there twice", target), "remove one of them")
		}
	}
	for _, target := range slices.Sorted(maps.Keys(b.Bake.Images)) {
		at := fmt.Sprintf("%s.bake.images[%q]", key, target)
		if b.Bake.Images[target] == "" {
			found.Add(at, "has no repository", "give the name or ARN of the repository, or move the target to targets")
		}
		validateImageRepository(found, at, b.Bake.Images[target])
	}
	const several = "is that of one image, but bake builds several images"
	for _, c := range []struct {
		key       string
		wrong     bool
		text, fix string
	}{
		{"dockerfile", b.Dockerfile != "", several, "set dockerfile in the bake file"},
		{"context", b.Context != "", several, "set context in the bake file"},
		{"imageRepository", b.ImageRepository != "", several, "name the repository of each target in bake.images"},
		{"bake", b.startsPullRequests(), "is not possible with builds of pull requests: a bake file can hand every variable of the build to a step", "set pullRequests to false"},
	} {
		if c.wrong {
			found.Add(key+"."+c.key, c.text, c.fix)
		}
	}
}

// validateBakeFile checks that the bake file is in the directory of the source.
func validateBakeFile(found *validation.Problems, key, dir string, b *BakeConfig) {
	isFile := func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err == nil && !info.IsDir()
	}
	switch {
	case b.File != "" && !isFile(b.File) && !coveredBy(*found, key+".bake.file"):
		found.Add(key+".bake.file", fmt.Sprintf("there is no file %q in %q", b.File, dir), "give its path from the root of the source")
	case b.File == "" && !slices.ContainsFunc(bakeFiles, isFile):
		found.Add(key+".bake", fmt.Sprintf("there is no bake or Compose file in %q", dir), "set file to its path, or name it "+bakeFiles[0]+" or docker-bake.hcl")
	}
}
