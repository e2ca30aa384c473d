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
	// Folder is where a local cache is; empty for every other.
	Folder string
}

// Remembers says that the cache has a place for the record of its steps.
func (f Flags) Remembers() bool { return f.InRegistry || f.Folder != "" }

// Inline is the To of modes inline and image, which every builder can do.
const Inline = "type=inline"

// For returns the flags. images are the names that the build pushes; lookup, of the form of os.LookupEnv, tells where an S3
// bucket is. A cache that would be overwritten by one of the images is refused.
func For(s settings.Settings, scope cacheref.Scope, images []string, lookup func(string) (string, bool)) (Flags, error) {
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
		flags = s3(s, scope, lookup)
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
	flags.To = asImage(s, "type=registry", "ref="+flags.Refs.Export)
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
		Refs:   cacheref.Refs{Imports: []string{s.LocalDir}, Export: s.LocalDir},
		Folder: s.LocalDir,
		From:   []string{join("type=local", "src="+s.LocalDir)},
		To:     asImage(s, "type=local", "dest="+s.LocalDir),
	}
}

func s3(s settings.Settings, scope cacheref.Scope, lookup func(string) (string, bool)) Flags {
	region, _ := lookup("AWS_REGION")
	place := append([]string{"type=s3", "region=" + region, "bucket=" + s.Bucket, "prefix=" + s.Prefix}, endpoint(lookup)...)
	flags := Flags{Refs: cacheref.For("s3://"+s.Bucket+"/"+s.Prefix, scope, s.FallbackBranch)}
	tags := cacheref.Tags(scope, s.FallbackBranch)
	for _, tag := range tags {
		flags.From = append(flags.From, join(append(place, "name="+tag)...))
	}
	flags.To = join(append(append(place, "name="+tags[0]), export(s)...)...)
	return flags
}

// withBuildersCredentials adds to the flag of an S3 cache that the builder signs in with its own credentials. buildx would else find
// some and send them along, and BuildKit gives the flags of imports to the frontend, which the Dockerfile chooses.
func withBuildersCredentials(flag string) string {
	if !strings.HasPrefix(flag, "type=s3,") {
		return flag
	}
	return flag + ",access_key_id=,secret_access_key="
}

// BuilderSignsIn returns the flags for a builder that has credentials for the cache in S3, if that is where it is.
func (f Flags) BuilderSignsIn() Flags {
	from := make([]string, len(f.From))
	for i, flag := range f.From {
		from[i] = withBuildersCredentials(flag)
	}
	f.From, f.To = from, withBuildersCredentials(f.To)
	return f
}

// endpoint sends buildkitd, which reads no variables, to where the AWS SDKs go: to a stand-in for S3 if one is named.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func endpoint(lookup func(string) (string, bool)) []string {
	for _, variable := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
		if url, _ := lookup(variable); url != "" {
			return []string{"endpoint_url=" + url, "use_path_style=true"}
		}
	}
	return nil
}

// asImage exports the cache as the OCI image manifest that ECR takes.
func asImage(s settings.Settings, place ...string) string {
	return join(append(append(place, "image-manifest=true", "oci-mediatypes=true"), export(s)...)...)
}

// export is what every export is given: which steps' results, and how they are compressed. Trouble in it does not fail the build.
func export(s settings.Settings) []string {
	mode := "mode=max"
	if s.Layers == settings.LayersFinal {
		mode = "mode=min"
	}
	fields := []string{mode, "ignore-error=true", "compression=" + s.Compression}
	if s.CompressionLevel != "" {
		fields = append(fields, "compression-level="+s.CompressionLevel)
	}
	return fields
}

// join writes the fields as buildx reads them, a line of CSV.
func join(fields ...string) string {
	var line strings.Builder
	writer := csv.NewWriter(&line)
	_ = writer.Write(fields)
	writer.Flush()
	return strings.TrimSuffix(line.String(), "\n")
}
