package variables

import (
	"strconv"
	"strings"
	"time"
)

// The values of LAYERCACHE_MODE.
const (
	// ModeRegistry keeps the cache in a repository of its own.
	ModeRegistry = "registry"
	// ModeInline keeps it inside the image: the final stage's steps alone.
	ModeInline = "inline"
	// ModeImage has ModeInline's flags; a CodeBuild project runs it on docker's builder: pull, build with --cache-from, push.
	ModeImage = "image"
	// ModeLocal keeps it in a folder, or in docker's builder where that outlives a build.
	ModeLocal = "local"
	// ModeS3 keeps it in an S3 bucket.
	ModeS3 = "s3"
	// ModeOff keeps none.
	ModeOff = "off"
)

// The values of LAYERCACHE_BUILDER.
const (
	BuilderAuto      = "auto"
	BuilderNative    = "native"
	BuilderContainer = "container"
	BuilderDocker    = "docker"
)

// The values of LAYERCACHE_LAYERS.
const (
	// LayersAll caches every step's result (mode=max).
	LayersAll = "all"
	// LayersFinal caches the steps of the last stage alone (mode=min).
	LayersFinal = "final"
)

// DefaultReportDir is where reports go when LAYERCACHE_REPORT_DIR is not set.
const DefaultReportDir = "layercache-report"

// DefaultCacheTimeout is LAYERCACHE_CACHE_TIMEOUT where that is not set.
const DefaultCacheTimeout = 10 * time.Second

// Settings are the variables, checked, with their defaults filled in.
type Settings struct {
	// Repository is the cache repository, HOST/NAME. Mode "registry" without one is "off".
	Repository string
	// FallbackRepository is a second repository of caches, HOST/NAME, that is read after Repository and never written.
	FallbackRepository string
	// RepositoryRole is the ARN of the IAM role that signs in to Repository and FallbackRepository; empty means the build's own.
	RepositoryRole string
	// Mode is one of the Mode… values.
	Mode string
	// LocalDir is the cache folder of mode "local"; empty means docker's own builder.
	LocalDir string
	// Bucket and Prefix are where mode "s3" keeps the cache; the prefix is empty or ends with a slash.
	Bucket, Prefix string
	// Compression is how cache layers are compressed: "zstd" or "gzip".
	Compression string
	// CompressionLevel is the compressor's level; empty means the compressor's own default.
	CompressionLevel string
	// Layers is which steps' results are cached: "all" or "final".
	Layers string
	// Write says whether the cache is exported after the build.
	Write bool
	// Refresh ignores what is cached and exports anew.
	Refresh bool
	// App is the first part of the cache tag. Empty means the image's name.
	App string
	// Branch is the cache scope that is read first and written. Empty means: from CodeBuild or git.
	Branch string
	// FallbackBranch is the cache scope that is read next.
	FallbackBranch string
	// Builder is "auto", "native", "container" or "docker".
	Builder string
	// CacheTimeout is how long a build waits in all for a cache that does not answer, or hardly; then it goes on without.
	CacheTimeout time.Duration
	// Parallelism is how many steps a builder of our own runs at once; 0 means as many as BuildKit likes.
	Parallelism int
	// Mirrors send pulls of an upstream registry to another place, with the upstream as fallback.
	Mirrors []Mirror
	// Prices say what a build and a cache cost.
	Prices Prices
	// MetricsNamespace is the CloudWatch namespace that figures are sent to; empty means none.
	MetricsNamespace string
	// ReportDir is the folder for report.json and its kin.
	ReportDir string
}

// Prices are in US dollars.
type Prices struct {
	// Minute is a minute of the build machine, GBMonth a gigabyte in the cache repository for a month.
	Minute, GBMonth float64
	// BuildsPerMonth is how many builds share that gigabyte.
	BuildsPerMonth float64
}

// DefaultPrices are those of CodeBuild's smallest Linux machine and of ECR in most regions.
//
// https://aws.amazon.com/codebuild/pricing/ https://aws.amazon.com/ecr/pricing/
var DefaultPrices = Prices{Minute: 0.005, GBMonth: 0.10, BuildsPerMonth: 100}

// Mirror says that images of Upstream (a registry host) are pulled from Location (HOST or HOST/PREFIX) first.
type Mirror struct{ Upstream, Location string }

// FromEnv reads the settings through lookup, which has the form of os.LookupEnv. The error is Problems.
func FromEnv(lookup func(string) (string, bool)) (Settings, error) {
	values, problems := Read(lookup, Build.Variables())
	s, further := SettingsFrom(values)
	return s, append(problems, further...).Err()
}

// SettingsFrom returns the settings that the values describe, and what is wrong with several of them together.
func SettingsFrom(v Values) (Settings, Problems) {
	s := Settings{
		Repository:         v.Text("LAYERCACHE_REPOSITORY"),
		FallbackRepository: v.Text("LAYERCACHE_FALLBACK_REPOSITORY"),
		RepositoryRole:     v.Text("LAYERCACHE_REPOSITORY_ROLE"),
		Mode:               v.Text("LAYERCACHE_MODE"),
		LocalDir:           v.Text("LAYERCACHE_LOCAL_DIR"),
		Compression:        v.Text("LAYERCACHE_COMPRESSION"),
		Layers:             v.Text("LAYERCACHE_LAYERS"),
		Write:              v.Boolean("LAYERCACHE_WRITE"),
		Refresh:            v.Boolean("LAYERCACHE_REFRESH"),
		App:                v.Text("LAYERCACHE_APP"),
		Branch:             v.Text("LAYERCACHE_BRANCH"),
		FallbackBranch:     v.Text("LAYERCACHE_FALLBACK_BRANCH"),
		Builder:            v.Text("LAYERCACHE_BUILDER"),
		CacheTimeout:       v.Duration("LAYERCACHE_CACHE_TIMEOUT"),
		Parallelism:        v.Count("LAYERCACHE_PARALLELISM"),
		Mirrors:            value[[]Mirror](v, "LAYERCACHE_MIRRORS"),
		MetricsNamespace:   v.Text("LAYERCACHE_METRICS_NAMESPACE"),
		ReportDir:          v.Text("LAYERCACHE_REPORT_DIR"),
		Prices: Prices{
			Minute:         v.Number("LAYERCACHE_USD_PER_MINUTE"),
			GBMonth:        v.Number("LAYERCACHE_USD_PER_GB_MONTH"),
			BuildsPerMonth: max(1, v.Number("LAYERCACHE_BUILDS_PER_MONTH")),
		},
	}
	s.Bucket, s.Prefix, _ = strings.Cut(v.Text("LAYERCACHE_S3"), "/")
	var problems Problems
	s.CompressionLevel = compressionLevel(v.Text("LAYERCACHE_COMPRESSION_LEVEL"), s.Compression, &problems)
	if s.Mode == ModeS3 && s.Bucket == "" {
		problems.add("LAYERCACHE_MODE", "is s3 and LAYERCACHE_S3 is not set: expected BUCKET or BUCKET/PREFIX/")
	}
	if s.Mode == ModeRegistry && s.Repository == "" {
		s.Mode = ModeOff
	}
	return s, problems
}

// levels are the highest level of each compressor, and its default here; empty means the compressor's own.
//
// zstd's default is the fastest of BuildKit's four speeds (levels 0 to 2, 3 to 5, 6 to 9, 10 to 22): compared with its own default of 3, a
// layer is 7 % larger and takes three fifths of the time.
var levels = map[string]struct {
	highest int
	unset   string
}{"zstd": {22, "1"}, "gzip": {9, ""}}

func compressionLevel(given, compression string, problems *Problems) string {
	if given == "" {
		return levels[compression].unset
	}
	highest := levels[compression].highest
	if level, err := strconv.Atoi(given); err != nil || level < 0 || level > highest {
		problems.add("LAYERCACHE_COMPRESSION_LEVEL", "is %q: expected a number from 0 to %d for %s", given, highest, compression)
		return ""
	}
	return given
}
