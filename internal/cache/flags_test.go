package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

func TestFlags(t *testing.T) {
	const repository = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev"
	images := []string{"host.example/shop:v1"}
	base := variables.Settings{Repository: repository, FallbackBranch: "main", Compression: "zstd", Write: true}
	cases := []struct {
		name   string
		change func(*variables.Settings)
		branch string
		from   []string
		to     string
	}{
		{"registry: a separate cache of every step, in the form that ECR accepts", func(s *variables.Settings) { s.Mode = variables.ModeRegistry }, "main",
			[]string{"type=registry,ref=" + repository + ":shop--linux-amd64--main"},
			"type=registry,ref=" + repository + ":shop--linux-amd64--main,image-manifest=true,oci-mediatypes=true,mode=max,ignore-error=true,compression=zstd,compression-level=1"},
		{"registry: another branch also reads the fallback branch's cache", func(s *variables.Settings) { s.Mode = variables.ModeRegistry }, "next",
			[]string{"type=registry,ref=" + repository + ":shop--linux-amd64--next", "type=registry,ref=" + repository + ":shop--linux-amd64--main"},
			"type=registry,ref=" + repository + ":shop--linux-amd64--next,image-manifest=true,oci-mediatypes=true,mode=max,ignore-error=true,compression=zstd,compression-level=1"},
		{"registry: a fallback repository is read last and not written", func(s *variables.Settings) {
			s.Mode, s.FallbackRepository = variables.ModeRegistry, "host.example/release"
		}, "pr/7",
			[]string{
				"type=registry,ref=" + repository + ":shop--linux-amd64--pr-7-2594c02b964832043832", "type=registry,ref=" + repository + ":shop--linux-amd64--main",
				"type=registry,ref=host.example/release:shop--linux-amd64--pr-7-2594c02b964832043832", "type=registry,ref=host.example/release:shop--linux-amd64--main",
			},
			"type=registry,ref=" + repository + ":shop--linux-amd64--pr-7-2594c02b964832043832,image-manifest=true,oci-mediatypes=true,mode=max,ignore-error=true,compression=zstd,compression-level=1"},
		{"registry: gzip compression", func(s *variables.Settings) { s.Mode, s.Compression = variables.ModeRegistry, "gzip" }, "main",
			[]string{"type=registry,ref=" + repository + ":shop--linux-amd64--main"},
			"type=registry,ref=" + repository + ":shop--linux-amd64--main,image-manifest=true,oci-mediatypes=true,mode=max,ignore-error=true,compression=gzip"},
		{"registry: only the last stage, with a compression level", func(s *variables.Settings) {
			s.Mode, s.Layers, s.ImageCompression, s.ImageLevel = variables.ModeRegistry, variables.LayersFinal, "gzip", "9"
		}, "main",
			[]string{"type=registry,ref=" + repository + ":shop--linux-amd64--main"},
			"type=registry,ref=" + repository + ":shop--linux-amd64--main,image-manifest=true,oci-mediatypes=true,mode=min,ignore-error=true,compression=gzip,compression-level=9"},
		{"registry: without write nothing is exported", func(s *variables.Settings) { s.Mode, s.Write = variables.ModeRegistry, false }, "main",
			[]string{"type=registry,ref=" + repository + ":shop--linux-amd64--main"}, ""},
		{"inline: from the image and into it", func(s *variables.Settings) { s.Mode = variables.ModeInline }, "main",
			[]string{"type=registry,ref=host.example/shop:v1"}, "type=inline"},
		{"image: the same flags", func(s *variables.Settings) { s.Mode = variables.ModeImage }, "main",
			[]string{"type=registry,ref=host.example/shop:v1"}, "type=inline"},
		{"local: the folder's name is quoted", func(s *variables.Settings) { s.Mode, s.LocalDir = variables.ModeLocal, "/cache,dir" }, "main",
			[]string{`type=local,"src=/cache,dir"`},
			`type=local,"dest=/cache,dir",image-manifest=true,oci-mediatypes=true,mode=max,ignore-error=true,compression=zstd,compression-level=1`},
		{"local without a folder: docker's own cache", func(s *variables.Settings) { s.Mode = variables.ModeLocal }, "main", nil, ""},
		{"s3: a name for each branch, below the prefix", func(s *variables.Settings) { s.Mode, s.Bucket, s.Prefix = variables.ModeS3, "bucket", "caches/" }, "next",
			[]string{"type=s3,region=eu-west-1,bucket=bucket,prefix=caches/,name=shop--linux-amd64--next", "type=s3,region=eu-west-1,bucket=bucket,prefix=caches/,name=shop--linux-amd64--main"},
			"type=s3,region=eu-west-1,bucket=bucket,prefix=caches/,name=shop--linux-amd64--next,mode=max,ignore-error=true,compression=zstd,compression-level=1"},
		{"off: no flags", func(s *variables.Settings) { s.Mode = variables.ModeOff }, "main", nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := base
			c.change(&s)
			flags, err := FlagsFromSettings(s, Scope{App: "shop", Platform: "linux/amd64", Branch: c.branch}, Output{Images: images}, environment("AWS_REGION", "eu-west-1"))
			require.NoError(t, err)
			assert.Equal(t, c.from, flags.From)
			assert.Equal(t, c.to, flags.To)
		})
	}
}

func TestTheEndpointOfS3IsPassedToTheBuilder(t *testing.T) {
	s := variables.Settings{Mode: variables.ModeS3, Bucket: "bucket", FallbackBranch: "main", Compression: "zstd", Write: true}
	cases := []struct {
		name     string
		lookup   func(string) (string, bool)
		endpoint string
	}{
		{"no variable", environment(), ""},
		{"the endpoint of every service", environment("AWS_ENDPOINT_URL", "http://localhost:5000"), ",endpoint_url=http://localhost:5000,use_path_style=true"},
		{"the endpoint of S3 takes precedence", environment("AWS_ENDPOINT_URL", "http://localhost:5000", "AWS_ENDPOINT_URL_S3", "http://localhost:9000"),
			",endpoint_url=http://localhost:9000,use_path_style=true"},
		{"an empty variable", environment("AWS_ENDPOINT_URL_S3", ""), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			flags, err := FlagsFromSettings(s, Scope{App: "shop", Platform: "linux/amd64"}, Output{}, c.lookup)
			require.NoError(t, err)
			place := "type=s3,region=,bucket=bucket,prefix=" + c.endpoint + ",name=shop--linux-amd64--main"
			assert.Equal(t, []string{place}, flags.From)
			assert.Equal(t, place+",mode=max,ignore-error=true,compression=zstd,compression-level=1", flags.To)
		})
	}
}

// environment returns a lookup function over pairs of name and value.
func environment(pairs ...string) func(string) (string, bool) {
	return func(variable string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == variable {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestAnImageThatWouldOverwriteTheCacheIsRefused(t *testing.T) {
	s := variables.Settings{Mode: variables.ModeRegistry, Repository: "host.example/shop", FallbackBranch: "main", Write: true}
	_, err := FlagsFromSettings(s, Scope{App: "shop", Platform: "linux/amd64"}, Output{Images: []string{"host.example/shop:shop--linux-amd64--main"}}, environment())
	assert.ErrorContains(t, err, "would overwrite the cache")
}
