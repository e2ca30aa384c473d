// Package settings reads the LAYERCACHE_* variables: the one way to set layercache, in a shell, in a CodeBuild project and
// in the console's override form alike.
package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// The values of LAYERCACHE_MODE.
const (
	// ModeRegistry keeps the cache in a repository of its own.
	ModeRegistry = "registry"
	// ModeInline keeps it inside the image: the final stage's steps alone.
	ModeInline = "inline"
	// ModeImage is ModeInline on docker's builder: pull, build with --cache-from, push.
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

// DefaultReportDir is where reports go when LAYERCACHE_REPORT_DIR is not set.
const DefaultReportDir = "layercache-report"

// Settings are the variables, checked, with their defaults filled in.
type Settings struct {
	// Repository is the cache repository, HOST/NAME. Mode "registry" without one is "off".
	Repository string
	// FallbackRepository is a second repository of caches, HOST/NAME, that is read after Repository and never written.
	FallbackRepository string
	// Mode is one of the Mode… values.
	Mode string
	// LocalDir is the cache folder of mode "local"; empty means docker's own builder.
	LocalDir string
	// Bucket and Prefix are where mode "s3" keeps the cache; the prefix is empty or ends with a slash.
	Bucket, Prefix string
	// Compression is how cache layers are compressed: "zstd" or "gzip".
	Compression string
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
	// Mirrors send pulls of an upstream registry to another place, with the upstream as fallback.
	Mirrors []Mirror
	// MetricsNamespace is the CloudWatch namespace that figures are sent to; empty means none.
	MetricsNamespace string
	// ReportDir is the folder for report.json and its kin.
	ReportDir string
}

// Mirror says that images of Upstream (a registry host) are pulled from Location (HOST or HOST/PREFIX) first.
type Mirror struct{ Upstream, Location string }

// FromEnv reads the settings through lookup, which has the form of os.LookupEnv. The error lists every variable that is
// wrong, a line each. A variable that is set and empty counts as not set.
func FromEnv(lookup func(string) (string, bool)) (Settings, error) {
	r := reader{lookup: lookup}
	s := Settings{
		Repository:         r.repository("LAYERCACHE_REPOSITORY"),
		FallbackRepository: r.repository("LAYERCACHE_FALLBACK_REPOSITORY"),
		Mode:               r.oneOf("LAYERCACHE_MODE", ModeRegistry, ModeInline, ModeImage, ModeLocal, ModeS3, ModeOff),
		LocalDir:           r.text("LAYERCACHE_LOCAL_DIR", ""),
		Compression:        r.oneOf("LAYERCACHE_COMPRESSION", "zstd", "gzip"),
		Write:              r.boolean("LAYERCACHE_WRITE", true),
		Refresh:            r.boolean("LAYERCACHE_REFRESH", false),
		App:                r.text("LAYERCACHE_APP", ""),
		Branch:             r.text("LAYERCACHE_BRANCH", ""),
		FallbackBranch:     r.text("LAYERCACHE_FALLBACK_BRANCH", "main"),
		Builder:            r.oneOf("LAYERCACHE_BUILDER", BuilderAuto, BuilderNative, BuilderContainer, BuilderDocker),
		Mirrors:            r.mirrors("LAYERCACHE_MIRRORS"),
		MetricsNamespace:   r.text("LAYERCACHE_METRICS_NAMESPACE", ""),
		ReportDir:          r.text("LAYERCACHE_REPORT_DIR", DefaultReportDir),
	}
	s.Bucket, s.Prefix = r.bucket("LAYERCACHE_S3")
	if s.Mode == ModeS3 && s.Bucket == "" {
		r.problem("LAYERCACHE_MODE is s3 and LAYERCACHE_S3 is not set: expected BUCKET or BUCKET/PREFIX/")
	}
	if s.Mode == ModeRegistry && s.Repository == "" {
		s.Mode = ModeOff
	}
	if len(r.problems) > 0 {
		return s, fmt.Errorf("the settings are wrong:\n%w", errors.Join(r.problems...))
	}
	return s, nil
}

type reader struct {
	lookup   func(string) (string, bool)
	problems []error
}

func (r *reader) text(variable, fallback string) string {
	if value, ok := r.lookup(variable); ok && value != "" {
		return value
	}
	return fallback
}

// oneOf takes the first of the allowed values as the default.
func (r *reader) oneOf(variable string, allowed ...string) string {
	value := r.text(variable, allowed[0])
	if !slices.Contains(allowed, value) {
		r.problem("%s is %q: expected one of %s", variable, value, strings.Join(allowed, ", "))
	}
	return value
}

func (r *reader) boolean(variable string, fallback bool) bool {
	text := r.text(variable, strconv.FormatBool(fallback))
	value, err := strconv.ParseBool(text)
	if err != nil {
		r.problem("%s is %q: expected true or false", variable, text)
	}
	return value
}

func (r *reader) repository(variable string) string {
	value := r.text(variable, "")
	if value == "" {
		return ""
	}
	if !isRepository(value) {
		r.problem("%s is %q: expected HOST/NAME, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev, without a tag", variable, value)
	}
	return value
}

// bucketPattern is an S3 bucket's name and a prefix that needs no quoting in buildx's flags.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/([A-Za-z0-9!_.*'()/-]*/)?)?$`)

func (r *reader) bucket(variable string) (bucket, prefix string) {
	value := r.text(variable, "")
	if value != "" && !bucketPattern.MatchString(value) {
		r.problem("%s is %q: expected BUCKET or BUCKET/PREFIX/, the prefix of letters, digits and !_.*'()-", variable, value)
	}
	bucket, prefix, _ = strings.Cut(value, "/")
	return bucket, prefix
}

func (r *reader) mirrors(variable string) []Mirror {
	var mirrors []Mirror
	for entry := range strings.SplitSeq(r.text(variable, ""), ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		upstream, location, _ := strings.Cut(entry, "=")
		if !isHost(upstream) || !isLocation(location) {
			r.problem("%s has the entry %q: expected UPSTREAM=HOST or UPSTREAM=HOST/PREFIX, for example docker.io=111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub", variable, entry)
			continue
		}
		mirrors = append(mirrors, Mirror{Upstream: upstream, Location: location})
	}
	return mirrors
}

func isHost(text string) bool {
	_, err := name.NewRegistry(text, name.StrictValidation)
	return text != "" && err == nil
}

func isLocation(text string) bool {
	if !strings.Contains(text, "/") {
		return isHost(text)
	}
	return isRepository(text)
}

// isRepository says that the text is HOST/NAME; a scheme would be taken for a host without a port.
func isRepository(text string) bool {
	_, err := name.NewRepository(text, name.StrictValidation)
	return err == nil && !strings.Contains(text, "//")
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}
