package variables

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	ecrHost       = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
	devRepository = ecrHost + "/layercache/dev"
)

// from returns a lookup function over a fixed environment.
func from(env map[string]string) func(string) (string, bool) {
	return func(variable string) (string, bool) {
		value, ok := env[variable]
		return value, ok
	}
}

// defaults returns the settings of an environment in which only the repository is set.
func defaults() Settings {
	return Settings{
		Repository: devRepository, Mode: "registry", Write: true, FallbackBranch: "main", Builder: "auto",
		JobIdle: 15 * time.Minute, CacheTimeout: 10 * time.Second, Mounts: []string{MountsAuto}, MountLimit: 2e9, ReportDir: "layercache-report", Compression: "auto", Layers: "all", Policy: "advise", Prices: DefaultPrices(),
		ImageCompression: "gzip", RewriteTimestamp: true, Attestations: "image-manifest",
	}
}

func TestEachVariableSetsItsSetting(t *testing.T) {
	cases := []struct {
		name     string
		variable string
		value    string
		want     func(*Settings)
	}{
		{"with only the repository every setting has its default", "LAYERCACHE_REPOSITORY", devRepository, func(*Settings) {}},
		{"a repository on loopback has a port", "LAYERCACHE_REPOSITORY", "localhost:5000/cache", func(s *Settings) { s.Repository = "localhost:5000/cache" }},
		{"mode registry", "LAYERCACHE_MODE", "registry", func(*Settings) {}},
		{"mode off", "LAYERCACHE_MODE", "off", func(s *Settings) { s.Mode = "off" }},
		{"a fallback repository", "LAYERCACHE_FALLBACK_REPOSITORY", "localhost:5000/release", func(s *Settings) { s.FallbackRepository = "localhost:5000/release" }},
		{"mode inline", "LAYERCACHE_MODE", "inline", func(s *Settings) { s.Mode = "inline" }},
		{"mode local in a folder", "LAYERCACHE_LOCAL_DIR", "/caches", func(s *Settings) { s.LocalDir = "/caches" }},
		{"a bucket with a prefix", "LAYERCACHE_S3", "bucket/a/b/", func(s *Settings) { s.Bucket, s.Prefix = "bucket", "a/b/" }},
		{"a bucket without a prefix", "LAYERCACHE_S3", "bucket", func(s *Settings) { s.Bucket = "bucket" }},
		{"a cache with zstd", "LAYERCACHE_COMPRESSION", "zstd", func(s *Settings) { s.Compression = "zstd" }},
		{"an image with zstd", "LAYERCACHE_IMAGE_COMPRESSION", "zstd", func(s *Settings) { s.ImageCompression = "zstd" }},
		{"the level of the image", "LAYERCACHE_IMAGE_COMPRESSION_LEVEL", "9", func(s *Settings) { s.ImageLevel = "9" }},
		{"attestations as OCI artifacts", "LAYERCACHE_ATTESTATIONS", "oci-artifact", func(s *Settings) { s.Attestations = "oci-artifact" }},
		{"no attestations", "LAYERCACHE_ATTESTATIONS", "none", func(s *Settings) { s.Attestations = "none" }},
		{"times are left", "LAYERCACHE_REWRITE_TIMESTAMP", "false", func(s *Settings) { s.RewriteTimestamp = false }},
		{"only the layers of the last stage", "LAYERCACHE_LAYERS", "final", func(s *Settings) { s.Layers = "final" }},
		{"the level of the cache", "LAYERCACHE_COMPRESSION_LEVEL", "19", func(s *Settings) { s.CompressionLevel = "19" }},
		{"the price of a minute", "LAYERCACHE_USD_PER_MINUTE", "0.02", func(s *Settings) { s.Prices.Minute = 0.02 }},
		{"the price of storage", "LAYERCACHE_USD_PER_GB_MONTH", "0", func(s *Settings) { s.Prices.GBMonth = 0 }},
		{"builds per month are at least one", "LAYERCACHE_BUILDS_PER_MONTH", "0", func(s *Settings) { s.Prices.BuildsPerMonth = 1 }},
		{"the cache is not written", "LAYERCACHE_WRITE", "false", func(s *Settings) { s.Write = false }},
		{"a boolean may be 0", "LAYERCACHE_WRITE", "0", func(s *Settings) { s.Write = false }},
		{"the existing cache is ignored", "LAYERCACHE_REFRESH", "true", func(s *Settings) { s.Refresh = true }},
		{"a boolean may be in capitals", "LAYERCACHE_REFRESH", "TRUE", func(s *Settings) { s.Refresh = true }},
		{"the app", "LAYERCACHE_APP", "shop", func(s *Settings) { s.App = "shop" }},
		{"the app may be any text", "LAYERCACHE_APP", "$(reboot) \x00", func(s *Settings) { s.App = "$(reboot) \x00" }},
		{"the branch", "LAYERCACHE_BRANCH", "feature/x", func(s *Settings) { s.Branch = "feature/x" }},
		{"the fallback branch", "LAYERCACHE_FALLBACK_BRANCH", "trunk", func(s *Settings) { s.FallbackBranch = "trunk" }},
		{"the native builder", "LAYERCACHE_BUILDER", "native", func(s *Settings) { s.Builder = "native" }},
		{"the container builder", "LAYERCACHE_BUILDER", "container", func(s *Settings) { s.Builder = "container" }},
		{"the docker builder", "LAYERCACHE_BUILDER", "docker", func(s *Settings) { s.Builder = "docker" }},
		{"a role for the cache repository", "LAYERCACHE_REPOSITORY_ROLE", "arn:aws:iam::111122223333:role/cache", func(s *Settings) { s.RepositoryRole = "arn:aws:iam::111122223333:role/cache" }},
		{"a role with a path in another partition", "LAYERCACHE_REPOSITORY_ROLE", "arn:aws-us-gov:iam::111122223333:role/team/a/cache", func(s *Settings) { s.RepositoryRole = "arn:aws-us-gov:iam::111122223333:role/team/a/cache" }},
		{"some cache mounts", "LAYERCACHE_MOUNTS", "npm, /root/.cache", func(s *Settings) { s.Mounts = []string{"npm", "/root/.cache"} }},
		{"no cache mounts", "LAYERCACHE_MOUNTS", "off", func(s *Settings) { s.Mounts = []string{MountsOff} }},
		{"the limit of a cache mount", "LAYERCACHE_MOUNT_LIMIT", "500MB", func(s *Settings) { s.MountLimit = 500_000_000 }},
		{"a limit in binary units", "LAYERCACHE_MOUNT_LIMIT", "2 GiB", func(s *Settings) { s.MountLimit = 2 << 30 }},
		{"a limit without a unit", "LAYERCACHE_MOUNT_LIMIT", "4096", func(s *Settings) { s.MountLimit = 4096 }},
		{"the name of a job", "LAYERCACHE_JOB", "images", func(s *Settings) { s.Job = "images" }},
		{"the time that the builder of a job is kept", "LAYERCACHE_JOB_IDLE", "1h", func(s *Settings) { s.JobIdle = time.Hour }},
		{"the cache timeout", "LAYERCACHE_CACHE_TIMEOUT", "1m30s", func(s *Settings) { s.CacheTimeout = 90 * time.Second }},
		{"the parallelism", "LAYERCACHE_PARALLELISM", "4", func(s *Settings) { s.Parallelism = 4 }},
		{"the report folder", "LAYERCACHE_REPORT_DIR", "/tmp/r", func(s *Settings) { s.ReportDir = "/tmp/r" }},
		{"a mirror with a prefix", "LAYERCACHE_MIRRORS", "docker.io=" + ecrHost + "/docker-hub", func(s *Settings) {
			s.Mirrors = []Mirror{{"docker.io", ecrHost + "/docker-hub"}}
		}},
		{"mirrors keep their order; spaces and empty entries are ignored", "LAYERCACHE_MIRRORS", " quay.io=localhost:5000 ,, registry.k8s.io=localhost:5000/k8s,", func(s *Settings) {
			s.Mirrors = []Mirror{{"quay.io", "localhost:5000"}, {"registry.k8s.io", "localhost:5000/k8s"}}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := defaults()
			c.want(&want)
			got, err := FromEnv(from(map[string]string{"LAYERCACHE_REPOSITORY": devRepository, c.variable: c.value}))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestTheCompressionOfTheCache(t *testing.T) {
	cases := []struct {
		name           string
		env            map[string]string
		image, noImage string
	}{
		{"fast beside an image, else as the image", nil, "zstd 1", "gzip "},
		{"with a level, which is not that of gzip", map[string]string{"COMPRESSION_LEVEL": "19"}, "zstd 19", "gzip "},
		{"as the image, with its level", map[string]string{"COMPRESSION": "gzip", "COMPRESSION_LEVEL": "1", "IMAGE_COMPRESSION_LEVEL": "9"}, "gzip 9", "gzip 9"},
		{"another, with its own level", map[string]string{"COMPRESSION": "zstd", "COMPRESSION_LEVEL": "19", "IMAGE_COMPRESSION_LEVEL": "9"}, "zstd 19", "zstd 19"},
		{"zstd for both has the default of the compressor", map[string]string{"IMAGE_COMPRESSION": "zstd", "COMPRESSION_LEVEL": "1"}, "zstd ", "zstd "},
		{"of the last stage, as the image", map[string]string{"LAYERS": "final", "COMPRESSION": "zstd", "COMPRESSION_LEVEL": "19"}, "gzip ", "gzip "},
		{"an image with zstd and a cache without", map[string]string{"IMAGE_COMPRESSION": "zstd", "COMPRESSION": "gzip"}, "gzip ", "gzip "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env := map[string]string{}
			for variable, value := range c.env {
				env[Prefix+variable] = value
			}
			got, err := FromEnv(from(env))
			require.NoError(t, err)
			for writesImage, expected := range map[bool]string{true: c.image, false: c.noImage} {
				compression, level := got.CacheCompression(writesImage)
				assert.Equal(t, expected, compression+" "+level)
			}
		})
	}
}

func TestAnEmptyVariableCountsAsNotSet(t *testing.T) {
	env := map[string]string{"LAYERCACHE_REPOSITORY": devRepository}
	for _, variable := range []string{"MODE", "WRITE", "REFRESH", "APP", "BRANCH", "FALLBACK_BRANCH", "BUILDER", "MIRRORS", "REPORT_DIR", "REPOSITORY_ROLE", "PARALLELISM", "CACHE_TIMEOUT", "MOUNTS", "MOUNT_LIMIT"} {
		env["LAYERCACHE_"+variable] = ""
	}
	got, err := FromEnv(from(env))
	require.NoError(t, err)
	assert.Equal(t, defaults(), got)
}

func TestWithoutARepositoryThereIsNoCache(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing is set":          {},
		"the repository is empty": {"LAYERCACHE_REPOSITORY": ""},
		"the mode is registry":    {"LAYERCACHE_MODE": "registry"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FromEnv(from(env))
			require.NoError(t, err)
			assert.Equal(t, ModeOff, got.Mode)
		})
	}
}

func TestAWrongValueIsReportedWithWhatWasExpected(t *testing.T) {
	cases := []struct{ name, variable, value, expected string }{
		{"a repository without a host", "LAYERCACHE_REPOSITORY", "layercache/dev", "expected HOST/NAME"},
		{"a host without a repository", "LAYERCACHE_REPOSITORY", ecrHost, "expected HOST/NAME"},
		{"a repository with a tag", "LAYERCACHE_REPOSITORY", devRepository + ":cache", "without a tag"},
		{"a repository with a digest", "LAYERCACHE_REPOSITORY", devRepository + "@sha256:" + strings.Repeat("a", 64), "without a tag"},
		{"a repository with a scheme", "LAYERCACHE_REPOSITORY", "https://" + devRepository, "expected HOST/NAME"},
		{"a repository in capitals", "LAYERCACHE_REPOSITORY", ecrHost + "/Cache", "expected HOST/NAME"},
		{"a repository with a flag", "LAYERCACHE_REPOSITORY", "localhost:5000/x --push", "expected HOST/NAME"},
		{"a repository with a comma and an attribute", "LAYERCACHE_REPOSITORY", "localhost:5000/x,mode=min", "expected HOST/NAME"},
		{"an unknown mode", "LAYERCACHE_MODE", "ftp", "expected one of registry, inline, image, local, s3, off"},
		{"a mode in capitals", "LAYERCACHE_MODE", "Off", "expected one of registry, inline, image, local, s3, off"},
		{"a word that is not a boolean", "LAYERCACHE_WRITE", "yes", "expected true or false"},
		{"another word that is not a boolean", "LAYERCACHE_REFRESH", "maybe", "expected true or false"},
		{"a level that the compressor does not have", "LAYERCACHE_COMPRESSION_LEVEL", "99", "expected a number from 0 to 22 for zstd"},
		{"a level that is not a number", "LAYERCACHE_COMPRESSION_LEVEL", "best", "expected a number from 0 to 22 for zstd"},
		{"a level that the image's compressor does not have", "LAYERCACHE_IMAGE_COMPRESSION_LEVEL", "10", "expected a number from 0 to 9 for gzip"},
		{"an unknown compression of the image", "LAYERCACHE_IMAGE_COMPRESSION", "xz", "expected one of gzip, zstd"},
		{"an unknown form of attestations", "LAYERCACHE_ATTESTATIONS", "false", "expected one of image-manifest, oci-artifact, none"},
		{"unknown layers", "LAYERCACHE_LAYERS", "most", "expected one of all, final"},
		{"a negative price", "LAYERCACHE_USD_PER_MINUTE", "-1", "expected a number such as 0.1"},
		{"a price whose product with other numbers is not a number", "LAYERCACHE_USD_PER_MINUTE", "1e300", "expected a number such as 0.1"},
		{"a price that is not a number", "LAYERCACHE_USD_PER_GB_MONTH", "NaN", "expected a number such as 0.1"},
		{"an unknown builder", "LAYERCACHE_BUILDER", "podman", "expected one of auto, native, container, docker"},
		{"a role that is a name", "LAYERCACHE_REPOSITORY_ROLE", "cache", "expected the ARN of a role"},
		{"the ARN of a user", "LAYERCACHE_REPOSITORY_ROLE", "arn:aws:iam::111122223333:user/cache", "expected the ARN of a role"},
		{"the ARN of a session", "LAYERCACHE_REPOSITORY_ROLE", "arn:aws:sts::111122223333:assumed-role/cache/x", "expected the ARN of a role"},
		{"a role without an account", "LAYERCACHE_REPOSITORY_ROLE", "arn:aws:iam:::role/cache", "expected the ARN of a role"},
		{"a role with a line end", "LAYERCACHE_REPOSITORY_ROLE", "arn:aws:iam::111122223333:role/cache\n", "expected the ARN of a role"},
		{"a limit that is no size", "LAYERCACHE_MOUNT_LIMIT", "many", "expected a size such as 500MB or 2GB"},
		{"a limit in an unknown unit", "LAYERCACHE_MOUNT_LIMIT", "2GX", "expected a size such as 500MB or 2GB"},
		{"a limit that no disk has", "LAYERCACHE_MOUNT_LIMIT", "99999999999PB", "expected a size such as 500MB or 2GB"},
		{"a limit of nothing", "LAYERCACHE_MOUNT_LIMIT", "0", "expected a size such as 500MB or 2GB"},
		{"a time without a unit", "LAYERCACHE_CACHE_TIMEOUT", "10", "expected a duration such as 10s"},
		{"a time of zero", "LAYERCACHE_CACHE_TIMEOUT", "0s", "expected a duration such as 10s"},
		{"zero steps", "LAYERCACHE_PARALLELISM", "0", "expected a whole number of at least 1"},
		{"a negative number of steps", "LAYERCACHE_PARALLELISM", "-1", "expected a whole number of at least 1"},
		{"half a step", "LAYERCACHE_PARALLELISM", "1.5", "expected a whole number of at least 1"},
		{"a mirror without a location", "LAYERCACHE_MIRRORS", "docker.io", "expected UPSTREAM=HOST"},
		{"a mirror with an empty location", "LAYERCACHE_MIRRORS", "docker.io=", "expected UPSTREAM=HOST"},
		{"a mirror without an upstream", "LAYERCACHE_MIRRORS", "=localhost:5000", "expected UPSTREAM=HOST"},
		{"a mirror with a path in the upstream", "LAYERCACHE_MIRRORS", "docker.io/library=localhost:5000", "expected UPSTREAM=HOST"},
		{"a mirror with a scheme", "LAYERCACHE_MIRRORS", "docker.io=https://localhost:5000/hub", "expected UPSTREAM=HOST"},
		{"a mirror with a line of TOML", "LAYERCACHE_MIRRORS", "docker.io=localhost:5000\"]\n[worker]", "expected UPSTREAM=HOST"},
		{"a very long mode", "LAYERCACHE_MODE", strings.Repeat("x", 100_000), "expected one of registry, inline, image, local, s3, off"},
		{"a very long mirror", "LAYERCACHE_MIRRORS", strings.Repeat("x", 100_000), "expected UPSTREAM=HOST"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := FromEnv(from(map[string]string{c.variable: c.value}))
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.variable)
			assert.Contains(t, err.Error(), c.expected)
			assert.Equal(t, 1, strings.Count(err.Error(), "\n"), "a heading and one line for the problem")
			assert.Less(t, len(err.Error()), 1000, "a very long value is not quoted whole")
		})
	}
}

func TestEveryWrongValueIsListedOnItsOwnLine(t *testing.T) {
	_, err := FromEnv(from(map[string]string{
		"LAYERCACHE_REPOSITORY": "nowhere", "LAYERCACHE_MODE": "ftp", "LAYERCACHE_WRITE": "si", "LAYERCACHE_REFRESH": "no way",
		"LAYERCACHE_BUILDER": "kaniko", "LAYERCACHE_MIRRORS": "docker.io,quay.io=,ghcr.io=localhost:5000",
	}))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 8, "a heading and the problems")
	for i, variable := range []string{"REPOSITORY", "MODE", "WRITE", "REFRESH", "BUILDER", "MIRRORS", "MIRRORS"} {
		assert.Contains(t, lines[i+1], "LAYERCACHE_"+variable)
	}
}
