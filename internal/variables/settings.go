package variables

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// The values of LAYERCACHE_MODE.
const (
	// ModeRegistry keeps the cache in a separate repository.
	ModeRegistry = "registry"
	// ModeInline keeps the cache inside the image. It holds only the steps of the last stage.
	ModeInline = "inline"
	// ModeImage has the flags of ModeInline. ImageBuild runs it on docker's builder: pull, build with
	// --cache-from, push.
	ModeImage = "image"
	// ModeLocal keeps the cache in a folder, or in docker's own builder when no folder is set.
	ModeLocal = "local"
	// ModeS3 keeps the cache in an S3 bucket.
	ModeS3 = "s3"
	// ModeOff keeps no cache.
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
	// CompressionAuto is fast where it cannot change an image: see Settings.CacheCompression.
	CompressionAuto = "auto"

	// LayersAll caches every step's result (mode=max).
	LayersAll = "all"
	// LayersFinal caches only the steps of the last stage (mode=min).
	LayersFinal = "final"
)

// The values of LAYERCACHE_POLICY.
const (
	// PolicyAdvise uses the cache as it is set, and says whether it is worth its cost.
	PolicyAdvise = "advise"
	// PolicyAct uses the cache as far as the last builds of the image show that it pays.
	PolicyAct = "act"
)

// The values of LAYERCACHE_ATTESTATIONS.
const (
	// AttestationsImageManifest writes attestations in the form of an image's manifest, which every registry
	// accepts.
	AttestationsImageManifest = "image-manifest"
	// AttestationsOCIArtifact writes attestations as OCI artifacts with a subject.
	AttestationsOCIArtifact = "oci-artifact"
	// AttestationsNone writes only attestations that the build's arguments ask for.
	AttestationsNone = "none"
)

// DefaultReportDir is the default of LAYERCACHE_REPORT_DIR.
const DefaultReportDir = "layercache-report"

// The values of LAYERCACHE_MOUNTS other than ids.
const (
	MountsAuto = "auto"
	MountsOff  = "off"
)

// DefaultCacheTimeout is the default of LAYERCACHE_CACHE_TIMEOUT.
const DefaultCacheTimeout = 10 * time.Second

// Settings are the checked values of the variables, with defaults.
type Settings struct {
	// Repository is the cache repository, HOST/NAME. Without it, mode "registry" becomes "off".
	Repository string
	// FallbackRepository is a second cache repository, HOST/NAME. It is read after Repository and never
	// written.
	FallbackRepository string
	// RepositoryRole is the ARN of the IAM role to assume for signing in to Repository and
	// FallbackRepository; empty means the build's own identity.
	RepositoryRole string
	// Mode is one of the Mode… values.
	Mode string
	// LocalDir is the cache folder of mode "local"; empty means docker's own builder.
	LocalDir string
	// Bucket and Prefix are the location of the cache in mode "s3". The prefix is empty or ends with a slash.
	Bucket, Prefix string
	// Compression and CompressionLevel are the values for cached layers; CacheCompression returns what they mean.
	Compression, CompressionLevel string
	// ImageCompression is the compression of the image's layers, "gzip" or "zstd". ImageLevel is its level;
	// empty means the compressor's default.
	ImageCompression, ImageLevel string
	// RewriteTimestamp is true when times of files that are later than SOURCE_DATE_EPOCH are set to it.
	RewriteTimestamp bool
	// Attestations is one of the Attestations… values.
	Attestations string
	// Layers is which steps are cached: "all" or "final".
	Layers string
	// Policy is one of the Policy… values.
	Policy string
	// Write is true when the cache is exported after the build.
	Write bool
	// Refresh is true when the existing cache is ignored and a new one exported.
	Refresh bool
	// App is the first part of the cache tag; empty means the image's name.
	App string
	// Branch is the branch whose cache is read first and written; empty means the branch from CodeBuild or
	// git.
	Branch string
	// FallbackBranch is the branch whose cache is read next.
	FallbackBranch string
	// Builder is "auto", "native", "container" or "docker".
	Builder string
	// Job is the name of the job whose builds share a native builder; empty means CodeBuild's build. JobIdle is how long
	// that builder is kept while no build uses it.
	Job     string
	JobIdle time.Duration
	// CacheTimeout is how long a build waits in total for a cache that does not respond or is very slow. Then
	// it continues without the cache.
	CacheTimeout time.Duration
	// Mounts are the ids of the cache mounts that are kept, or only MountsAuto or MountsOff.
	Mounts []string
	// MountLimit is the largest size of a kept cache mount in bytes.
	MountLimit int64
	// Parallelism is how many steps layercache's own builder runs at the same time; 0 means BuildKit's
	// default.
	Parallelism int
	// Mirrors redirect pulls from an upstream registry, with the upstream as fallback.
	Mirrors []Mirror
	// Prices are the prices of builds and of storage.
	Prices Prices
	// MetricsNamespace is the CloudWatch namespace for metrics; empty means that none are sent.
	MetricsNamespace string
	// ReportDir is the folder for the reports.
	ReportDir string
}

// Prices are in US dollars.
type Prices struct {
	// Minute is the price of a minute of the build machine, GBMonth of a gigabyte in the cache repository for
	// a month.
	Minute, GBMonth float64
	// BuildsPerMonth is how many builds share the cost of storage.
	BuildsPerMonth float64
}

// DefaultPrices returns the prices of CodeBuild's smallest Linux machine and of ECR in most regions.
//
// https://aws.amazon.com/codebuild/pricing/ https://aws.amazon.com/ecr/pricing/
func DefaultPrices() Prices { return Prices{Minute: 0.005, GBMonth: 0.10, BuildsPerMonth: 100} }

// Mirror redirects pulls: images of Upstream (a registry host) are pulled from Location (HOST or HOST/PREFIX)
// first.
type Mirror struct{ Upstream, Location string }

// WhyMountsNotKept returns why builds with these settings keep no cache mounts. It is empty if they keep them on a
// native builder.
func (s Settings) WhyMountsNotKept() string {
	switch {
	case len(s.Mounts) == 1 && s.Mounts[0] == MountsOff:
		return "LAYERCACHE_MOUNTS=off"
	case s.Mode == ModeOff:
		return "the cache is off"
	case s.Mode == ModeLocal && s.LocalDir == "":
		return "mode local keeps them only with LAYERCACHE_LOCAL_DIR"
	case s.Mode != ModeRegistry && s.Mode != ModeLocal && s.Mode != ModeS3:
		return "mode " + s.Mode + " cannot keep them"
	}
	return ""
}

// FromEnv reads the settings through lookup, which works like os.LookupEnv. The error is of type Problems.
func FromEnv(lookup func(string) (string, bool)) (Settings, error) {
	values, problems := Read(lookup, Build.Variables())
	s, combined := SettingsFrom(values)
	return s, append(problems, combined...).Err()
}

// SettingsFrom returns the settings for the values, and the problems of values that do not fit together.
func SettingsFrom(v Values) (Settings, Problems) {
	s := Settings{
		Repository:         v.Text("LAYERCACHE_REPOSITORY"),
		FallbackRepository: v.Text("LAYERCACHE_FALLBACK_REPOSITORY"),
		RepositoryRole:     v.Text("LAYERCACHE_REPOSITORY_ROLE"),
		Mode:               v.Text("LAYERCACHE_MODE"),
		LocalDir:           v.Text("LAYERCACHE_LOCAL_DIR"),
		Compression:        v.Text("LAYERCACHE_COMPRESSION"),
		ImageCompression:   v.Text("LAYERCACHE_IMAGE_COMPRESSION"),
		RewriteTimestamp:   v.Boolean("LAYERCACHE_REWRITE_TIMESTAMP"),
		Attestations:       v.Text("LAYERCACHE_ATTESTATIONS"),
		Layers:             v.Text("LAYERCACHE_LAYERS"),
		Policy:             v.Text("LAYERCACHE_POLICY"),
		Write:              v.Boolean("LAYERCACHE_WRITE"),
		Refresh:            v.Boolean("LAYERCACHE_REFRESH"),
		App:                v.Text("LAYERCACHE_APP"),
		Branch:             v.Text("LAYERCACHE_BRANCH"),
		FallbackBranch:     v.Text("LAYERCACHE_FALLBACK_BRANCH"),
		Builder:            v.Text("LAYERCACHE_BUILDER"),
		Job:                v.Text("LAYERCACHE_JOB"),
		JobIdle:            v.Duration("LAYERCACHE_JOB_IDLE"),
		CacheTimeout:       v.Duration("LAYERCACHE_CACHE_TIMEOUT"),
		Mounts:             v.List("LAYERCACHE_MOUNTS"),
		MountLimit:         v.Size("LAYERCACHE_MOUNT_LIMIT"),
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
	s.ImageLevel = compressionLevel(v, "LAYERCACHE_IMAGE_COMPRESSION_LEVEL", s.ImageCompression, &problems)
	cached := s.Compression
	if cached == CompressionAuto {
		cached = "zstd"
	}
	s.CompressionLevel = compressionLevel(v, "LAYERCACHE_COMPRESSION_LEVEL", cached, &problems)
	if s.Mode == ModeS3 && s.Bucket == "" {
		problems.add("LAYERCACHE_MODE", "is s3 and LAYERCACHE_S3 is not set: expected BUCKET or BUCKET/PREFIX/")
	}
	if s.Policy == PolicyAct && s.Mode != ModeRegistry && s.Mode != ModeOff {
		problems.add("LAYERCACHE_POLICY", "is act and LAYERCACHE_MODE is %s: act needs the mode registry; set advise, or leave it out", s.Mode)
	}
	if s.Mode == ModeRegistry && s.Repository == "" {
		s.Mode = ModeOff
	}
	return s, problems
}

// CacheCompression returns the compression of the cached layers that BuildKit has not compressed for an image already, and
// its level; an empty level means the compressor's default. An automatic one is fast in a build that writes an image. Other
// builds, such as that of a stage, may cache layers of a later image, which would be compressed twice.
//
// The last stage's layers are also the image's, and always have the image's compression: an export of the last stage
// alone leaves out the results of earlier steps that come from the cache and have another.
//
// With the image's compression goes the image's level: BuildKit never recompresses to another level, so the bytes of an
// image would depend on which of its layers come from the cache.
func (s Settings) CacheCompression(writesImage bool) (compression, level string) {
	compression = s.Compression
	switch {
	case s.Layers == LayersFinal, compression == CompressionAuto && !writesImage:
		compression = s.ImageCompression
	case compression == CompressionAuto:
		compression = "zstd"
	}
	if compression == s.ImageCompression {
		return compression, s.ImageLevel
	}
	return compression, cmp.Or(s.CompressionLevel, cacheLevels[compression])
}

// cacheLevels are the default levels of cached layers, for compressors whose own default is not used.
//
// For zstd, BuildKit has four speeds: levels 0 to 2, 3 to 5, 6 to 9 and 10 to 22. The default here is the
// fastest. Compared with zstd's own default of 3, a layer is 7 % larger and takes three fifths of the time.
var cacheLevels = map[string]string{"zstd": "1"}

// highestLevels are the highest levels of the compressors.
var highestLevels = map[string]int{"zstd": 22, "gzip": 9}

// compressionLevel returns the value of the variable, which may be empty.
func compressionLevel(v Values, variable, compression string, problems *Problems) string {
	text := v.Text(variable)
	if text == "" {
		return ""
	}
	highest := highestLevels[compression]
	if level, err := strconv.Atoi(text); err != nil || level < 0 || level > highest {
		problems.add(variable, "is %q: expected a number from 0 to %d for %s", text, highest, compression)
		return ""
	}
	return text
}
