// Package cacheflags picks the cache flags of a build: what buildx's --cache-from and --cache-to are given in each mode.
//
// https://docs.docker.com/build/cache/backends/
package cacheflags

import (
	"encoding/csv"
	"strings"

	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/settings"
)

// Flags are the cache flags of one build.
type Flags struct {
	// From are the values of --cache-from, in order.
	From []string
	// To is the value of --cache-to; empty means that nothing is exported.
	To string
	// Refs name the caches for people and, where InRegistry, for a registry.
	Refs       cacheref.Refs
	InRegistry bool
}

// Inline is the To of modes inline and image, which every builder can do.
const Inline = "type=inline"

// For returns the flags. images are the names that the build pushes, region is where an S3 bucket is. A cache that would be
// overwritten by one of the images is refused.
func For(s settings.Settings, scope cacheref.Scope, images []string, region string) (Flags, error) {
	var flags Flags
	switch s.Mode {
	case settings.ModeRegistry:
		flags = registry(s, scope)
		if err := flags.Refs.CheckApart(images); err != nil {
			return Flags{}, err
		}
	case settings.ModeInline, settings.ModeImage:
		flags = inline(images)
	case settings.ModeLocal:
		flags = local(s)
	case settings.ModeS3:
		flags = s3(s, scope, region)
	}
	if !s.Write {
		flags.To = ""
	}
	return flags, nil
}

func registry(s settings.Settings, scope cacheref.Scope) Flags {
	flags := Flags{Refs: cacheref.For(s.Repository+":", scope, s.FallbackBranch), InRegistry: true}
	if s.FallbackRepository != "" {
		flags.Refs.Imports = append(flags.Refs.Imports, cacheref.For(s.FallbackRepository+":", scope, s.FallbackBranch).Imports...)
	}
	for _, ref := range flags.Refs.Imports {
		flags.From = append(flags.From, join("type=registry", "ref="+ref))
	}
	flags.To = maximal(s, "type=registry", "ref="+flags.Refs.Export)
	return flags
}

// inline reads the cache out of the image that was pushed last and writes it into the one that is built. It knows the last
// stage alone.
func inline(images []string) Flags {
	if len(images) == 0 {
		return Flags{}
	}
	flags := Flags{Refs: cacheref.Refs{Imports: images, Export: images[0]}, To: Inline}
	for _, image := range images {
		flags.From = append(flags.From, join("type=registry", "ref="+image))
	}
	return flags
}

// local without a folder leaves the cache to docker's own builder.
func local(s settings.Settings) Flags {
	if s.LocalDir == "" {
		return Flags{Refs: cacheref.Refs{Imports: []string{"the builder's own cache"}}}
	}
	return Flags{
		Refs: cacheref.Refs{Imports: []string{s.LocalDir}, Export: s.LocalDir},
		From: []string{join("type=local", "src="+s.LocalDir)},
		To:   maximal(s, "type=local", "dest="+s.LocalDir),
	}
}

func s3(s settings.Settings, scope cacheref.Scope, region string) Flags {
	place := []string{"type=s3", "region=" + region, "bucket=" + s.Bucket, "prefix=" + s.Prefix}
	flags := Flags{Refs: cacheref.For("s3://"+s.Bucket+"/"+s.Prefix, scope, s.FallbackBranch)}
	tags := cacheref.Tags(scope, s.FallbackBranch)
	for _, tag := range tags {
		flags.From = append(flags.From, join(append(place, "name="+tag)...))
	}
	flags.To = join(append(place, "name="+tags[0], "mode=max", "ignore-error=true", "compression="+s.Compression)...)
	return flags
}

// maximal exports every step's result, as the OCI image manifest that ECR takes; trouble in it does not fail the build.
func maximal(s settings.Settings, place ...string) string {
	return join(append(place, "mode=max", "image-manifest=true", "oci-mediatypes=true", "ignore-error=true", "compression="+s.Compression)...)
}

// join writes the fields as buildx reads them, a line of CSV.
func join(fields ...string) string {
	var line strings.Builder
	writer := csv.NewWriter(&line)
	_ = writer.Write(fields)
	writer.Flush()
	return strings.TrimSuffix(line.String(), "\n")
}
