// Package image reads the LAYERCACHE_* variables that say what to build, and makes the arguments of `docker buildx build` of
// them. A CodeBuild project sets them and its console overrides them; no shell sees their values.
package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/cacheref"
)

// Image is what to build.
type Image struct {
	// Repository is HOST/NAME, Tags what the image is pushed as there.
	Repository string
	Tags       []string
	// Push says whether it is pushed at all.
	Push bool
	// Dockerfile and Context are paths from the working directory.
	Dockerfile, Context string
	// Target is a stage's name; empty means the last.
	Target string
	// Platforms are built for; none means the machine's own.
	Platforms []string
	// PlatformTags says that each tag gets the platform's name at its end, for an index to join them.
	PlatformTags bool
	// BuildArgs are ARG values by name.
	BuildArgs map[string]string
	// Secrets are the names of environment variables by the id of the BuildKit secret that they hold.
	Secrets map[string]string
	// Provenance and SBOM are the values of --provenance and --sbom; empty means buildx's default.
	Provenance, SBOM string
	// Args are further arguments of docker buildx build.
	Args []string
}

// Words are what {commit}, {branch} and {build} stand for in tags; empty where there is none.
type Words struct{ Commit, Branch, Build string }

// FromEnv reads the variables through lookup. The error lists every one that is wrong, a line each.
func FromEnv(lookup func(string) (string, bool), words Words) (Image, error) {
	r := reader{lookup: lookup}
	i := Image{
		Repository:   r.repository("LAYERCACHE_IMAGE"),
		Push:         r.boolean("LAYERCACHE_PUSH", true),
		Dockerfile:   r.text("LAYERCACHE_DOCKERFILE", "Dockerfile"),
		Context:      r.text("LAYERCACHE_CONTEXT", "."),
		Target:       r.text("LAYERCACHE_TARGET", ""),
		Platforms:    r.list("LAYERCACHE_PLATFORMS"),
		PlatformTags: r.boolean("LAYERCACHE_PLATFORM_TAGS", false),
		BuildArgs:    r.object("LAYERCACHE_BUILD_ARGS"),
		Secrets:      r.object("LAYERCACHE_SECRETS"),
		Provenance:   r.text("LAYERCACHE_PROVENANCE", ""),
		SBOM:         r.text("LAYERCACHE_SBOM", ""),
		Args:         r.array("LAYERCACHE_ARGS"),
	}
	i.Tags = r.tags("LAYERCACHE_TAGS", words)
	if i.PlatformTags && len(i.Platforms) != 1 {
		r.problem("LAYERCACHE_PLATFORM_TAGS is true and LAYERCACHE_PLATFORMS names %d platforms: expected one", len(i.Platforms))
	}
	for _, id := range slices.Sorted(maps.Keys(i.Secrets)) {
		if _, ok := lookup(i.Secrets[id]); !ok || !identifier.MatchString(i.Secrets[id]) {
			r.problem("LAYERCACHE_SECRETS takes the secret %q from the variable %q, which is not set", id, i.Secrets[id])
		}
	}
	if len(r.problems) > 0 {
		return Image{}, fmt.Errorf("the settings are wrong:\n%w", errors.Join(r.problems...))
	}
	return i, nil
}

// Names are the full names that the image is pushed as.
func (i Image) Names() []string {
	var names []string
	for _, tag := range i.Tags {
		if i.PlatformTags {
			tag = PlatformTag(tag, i.Platforms[0])
		}
		names = append(names, i.Repository+":"+tag)
	}
	return names
}

// PlatformTag is the tag of one platform's image, such as latest-linux-arm64 of latest.
func PlatformTag(tag, platform string) string {
	return tag + "-" + strings.ReplaceAll(platform, "/", "-")
}

// BuildxArgs are the arguments of docker buildx build. Each value is joined to its flag, so that none can pass for a flag.
func (i Image) BuildxArgs() []string {
	var args []string
	flag := func(name, value string) {
		if value != "" {
			args = append(args, "--"+name+"="+value)
		}
	}
	if i.Push {
		args = append(args, "--push")
	} else {
		flag("output", "type=cacheonly")
	}
	for _, name := range i.Names() {
		flag("tag", name)
	}
	flag("file", i.Dockerfile)
	flag("target", i.Target)
	flag("platform", strings.Join(i.Platforms, ","))
	for _, key := range slices.Sorted(maps.Keys(i.BuildArgs)) {
		flag("build-arg", key+"="+i.BuildArgs[key])
	}
	for _, id := range slices.Sorted(maps.Keys(i.Secrets)) {
		flag("secret", "type=env,id="+id+",env="+i.Secrets[id])
	}
	flag("provenance", i.Provenance)
	flag("sbom", i.SBOM)
	args = append(args, i.Args...)
	return append(args, "--", i.Context)
}

type reader struct {
	lookup   func(string) (string, bool)
	problems []error
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

func (r *reader) text(variable, fallback string) string {
	if value, ok := r.lookup(variable); ok && value != "" {
		return value
	}
	return fallback
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
	if _, err := name.NewRepository(value, name.StrictValidation); err != nil || strings.Contains(value, "//") {
		r.problem("%s is %q: expected HOST/NAME, without a tag", variable, value)
	}
	return value
}

func (r *reader) list(variable string) []string { return List(r.text(variable, "")) }

// List takes a comma list apart; empty entries are passed over.
func List(text string) []string {
	var values []string
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values
}

// identifier is what names a build argument, a secret or a variable.
var identifier = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

func (r *reader) object(variable string) map[string]string {
	values := map[string]string{}
	text := r.text(variable, "{}")
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		r.problem("%s is no JSON object of strings, such as {\"VERSION\":\"1.2\"}: %w", variable, err)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !identifier.MatchString(key) {
			r.problem("%s has the name %q: expected letters, digits, _, . and -", variable, key)
		}
	}
	return values
}

func (r *reader) array(variable string) []string {
	var values []string
	if err := json.Unmarshal([]byte(r.text(variable, "[]")), &values); err != nil {
		r.problem("%s is no JSON array of strings, such as [\"--network=host\"]: %w", variable, err)
	}
	return values
}

// tagPattern is a tag by the distribution specification.
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// tags fills in the words, whose text comes from outside, as parts that are valid in a tag.
func (r *reader) tags(variable string, words Words) []string {
	tags := r.list(variable)
	if len(tags) == 0 {
		tags = []string{"latest"}
	}
	values := map[string]string{"{commit}": words.Commit, "{branch}": words.Branch, "{build}": words.Build}
	for i, tag := range tags {
		for _, word := range slices.Sorted(maps.Keys(values)) {
			if !strings.Contains(tag, word) {
				continue
			}
			if values[word] == "" {
				r.problem("%s has %s, which this build does not have", variable, word)
			}
			tag = strings.ReplaceAll(tag, word, cacheref.Slug(values[word], 80))
		}
		if !tagPattern.MatchString(tag) {
			r.problem("%s has the tag %q: expected at most 128 letters, digits, _, . and -", variable, tags[i])
		}
		tags[i] = tag
	}
	return tags
}
