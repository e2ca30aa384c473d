package cache

import (
	"encoding/csv"
	"strings"

	"github.com/layercache/layercache/internal/s3"
	"github.com/layercache/layercache/internal/variables"
)

// Flags are the cache flags of one build.
type Flags struct {
	// From are the values of --cache-from, in order.
	From []string
	// To is the value of --cache-to; empty means no export.
	To string
	// Refs name the caches. They are references in a registry only when InRegistry is true.
	Refs       Refs
	InRegistry bool
	// Folder is the path of a local cache; empty for all others.
	Folder string
	// Bucket is the place of a cache in S3; nil for all others.
	Bucket *s3.Place
	// LastStageOnly is true if the export leaves out the steps of all stages but the last.
	LastStageOnly bool
}

// KeepsRecord reports whether the cache's mode can store a record.
func (f Flags) KeepsRecord() bool {
	return f.InRegistry || f.Folder != "" || f.Bucket != nil
}

// NameInBucket returns the name below Bucket of a cache in Refs.
func (f Flags) NameInBucket(ref string) string {
	return strings.TrimPrefix(ref, bucketRef(*f.Bucket))
}

// bucketRef comes before the name of a cache in S3.
func bucketRef(place s3.Place) string { return "s3://" + place.Bucket + "/" + place.Prefix }

// OwnCache returns the variable that gives a build a cache of its own.
func (f Flags) OwnCache() string {
	if f.Folder != "" {
		return "LAYERCACHE_LOCAL_DIR"
	}
	return "LAYERCACHE_APP"
}

// Inline is the value of To in the modes inline and image. Every builder supports it.
const Inline = "type=inline"

// Output is where the result of a build goes.
type Output struct {
	// Images are the names that the build pushes.
	Images []string
	// IsImage is true if the build writes an image, wherever that goes.
	IsImage bool
}

// FlagsFromSettings returns the flags. lookup works like os.LookupEnv and provides the region and endpoint of S3. It
// is an error when one of the images would overwrite the cache.
func FlagsFromSettings(s variables.Settings, scope Scope, output Output, lookup func(string) (string, bool)) (Flags, error) {
	s.Compression, s.CompressionLevel = s.CacheCompression(output.IsImage)
	var flags Flags
	switch s.Mode {
	case variables.ModeRegistry:
		flags = registryFlags(s, scope)
		if err := flags.Refs.CheckApart(output.Images); err != nil {
			return Flags{}, err
		}
	case variables.ModeInline, variables.ModeImage:
		flags = inlineFlags(output.Images)
	case variables.ModeLocal:
		flags = localFlags(s)
	case variables.ModeS3:
		flags = s3Flags(s, scope, lookup)
	}
	if !s.Write {
		flags.To = ""
	}
	return flags, nil
}

func registryFlags(s variables.Settings, scope Scope) Flags {
	flags := Flags{Refs: newRefs(s.Repository+":", scope, s.FallbackBranch), InRegistry: true, LastStageOnly: s.Layers == variables.LayersFinal}
	if s.FallbackRepository != "" {
		flags.Refs.Imports = append(flags.Refs.Imports, newRefs(s.FallbackRepository+":", scope, s.FallbackBranch).Imports...)
	}
	for _, ref := range flags.Refs.Imports {
		flags.From = append(flags.From, join("type=registry", "ref="+ref))
	}
	flags.To = imageManifest(s, "type=registry", "ref="+flags.Refs.Export)
	return flags
}

// inlineFlags reads the cache from the image that was pushed last, and writes it into the new image. It holds only
// the last stage.
func inlineFlags(images []string) Flags {
	if len(images) == 0 {
		return Flags{}
	}
	flags := Flags{Refs: Refs{Imports: images, Export: images[0]}, To: Inline}
	for _, image := range images {
		flags.From = append(flags.From, join("type=registry", "ref="+image))
	}
	return flags
}

// localFlags without a folder sets no flags: docker's own builder keeps the cache.
func localFlags(s variables.Settings) Flags {
	if s.LocalDir == "" {
		return Flags{Refs: Refs{Imports: []string{"the builder's own cache"}}}
	}
	return Flags{
		Refs:   Refs{Imports: []string{s.LocalDir}, Export: s.LocalDir},
		Folder: s.LocalDir, LastStageOnly: s.Layers == variables.LayersFinal,
		From: []string{join("type=local", "src="+s.LocalDir)},
		To:   imageManifest(s, "type=local", "dest="+s.LocalDir),
	}
}

func s3Flags(s variables.Settings, scope Scope, lookup func(string) (string, bool)) Flags {
	region, _ := lookup("AWS_REGION")
	bucket := s3.Place{Bucket: s.Bucket, Prefix: s.Prefix, Region: region, Endpoint: endpoint(lookup)}
	place := []string{"type=s3", "region=" + region, "bucket=" + s.Bucket, "prefix=" + s.Prefix}
	if bucket.Endpoint != "" {
		place = append(place, "endpoint_url="+bucket.Endpoint, "use_path_style=true")
	}
	flags := Flags{Refs: newRefs(bucketRef(bucket), scope, s.FallbackBranch), Bucket: &bucket}
	read, write := Tags(scope, s.FallbackBranch)
	for _, tag := range read {
		flags.From = append(flags.From, join(append(place, "name="+tag)...))
	}
	flags.To = join(append(append(place, "name="+write), exportOptions(s)...)...)
	return flags
}

// withBuildersCredentials makes the builder sign in to an S3 cache with its own credentials. Without the empty
// values, buildx would send the credentials that it finds, and BuildKit passes the flags of imports to the frontend, which
// the Dockerfile chooses.
func withBuildersCredentials(flag string) string {
	if !strings.HasPrefix(flag, "type=s3,") {
		return flag
	}
	return flag + ",access_key_id=,secret_access_key="
}

// BuilderSignsIn returns the flags for a builder that has its own credentials for a cache in S3. Flags of other
// caches stay the same.
func (f Flags) BuilderSignsIn() Flags {
	from := make([]string, len(f.From))
	for i, flag := range f.From {
		from[i] = withBuildersCredentials(flag)
	}
	f.From, f.To = from, withBuildersCredentials(f.To)
	return f
}

// endpoint returns the endpoint of S3 that the AWS SDKs would use, or "". It is passed to buildkitd, which does not read
// these variables.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func endpoint(lookup func(string) (string, bool)) string {
	for _, variable := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
		if url, _ := lookup(variable); url != "" {
			return url
		}
	}
	return ""
}

// imageManifest exports the cache as an OCI image manifest, the only form that ECR accepts.
func imageManifest(s variables.Settings, place ...string) string {
	return join(append(append(place, "image-manifest=true", "oci-mediatypes=true"), exportOptions(s)...)...)
}

// exportOptions returns the options of every export: which steps, and which compression. A failed export does
// not fail the build.
func exportOptions(s variables.Settings) []string {
	mode := "mode=max"
	if s.Layers == variables.LayersFinal {
		mode = "mode=min"
	}
	fields := []string{mode, "ignore-error=true", "compression=" + s.Compression}
	if s.CompressionLevel != "" {
		fields = append(fields, "compression-level="+s.CompressionLevel)
	}
	return fields
}

// join writes the fields as a line of CSV, the form that buildx reads.
func join(fields ...string) string {
	var line strings.Builder
	writer := csv.NewWriter(&line)
	_ = writer.Write(fields)
	writer.Flush()
	return strings.TrimSuffix(line.String(), "\n")
}
