// Package image reads the LAYERCACHE_* variables that say what to build, and makes the arguments of `docker buildx build` of
// them. A CodeBuild project sets them and its console overrides them; no shell sees their values.
package image

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildcontext"
	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/settings"
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
	r := reader{settings.NewReader(lookup)}
	i := Image{
		Repository:   r.Repository("LAYERCACHE_IMAGE"),
		Push:         r.Boolean("LAYERCACHE_PUSH", true),
		Dockerfile:   r.Text("LAYERCACHE_DOCKERFILE", "Dockerfile"),
		Context:      r.Text("LAYERCACHE_CONTEXT", "."),
		Target:       r.Text("LAYERCACHE_TARGET", ""),
		Platforms:    r.List("LAYERCACHE_PLATFORMS"),
		PlatformTags: r.Boolean("LAYERCACHE_PLATFORM_TAGS", false),
		BuildArgs:    r.object("LAYERCACHE_BUILD_ARGS"),
		Secrets:      r.object("LAYERCACHE_SECRETS"),
		Provenance:   r.Text("LAYERCACHE_PROVENANCE", ""),
		SBOM:         r.Text("LAYERCACHE_SBOM", ""),
		Args:         r.array("LAYERCACHE_ARGS"),
	}
	r.inside("LAYERCACHE_CONTEXT", i.Context)
	r.inside("LAYERCACHE_DOCKERFILE", filepath.Dir(i.Dockerfile))
	i.Tags = r.tags("LAYERCACHE_TAGS", words)
	if i.PlatformTags && len(i.Platforms) != 1 {
		r.Problem("LAYERCACHE_PLATFORM_TAGS is true and LAYERCACHE_PLATFORMS names %d platforms: expected one", len(i.Platforms))
	}
	for _, id := range slices.Sorted(maps.Keys(i.Secrets)) {
		if _, ok := lookup(i.Secrets[id]); !ok || !identifier.MatchString(i.Secrets[id]) {
			r.Problem("LAYERCACHE_SECRETS takes the secret %q from the variable %q, which is not set", id, i.Secrets[id])
		}
	}
	if i.Repository == "" {
		r.Problem("LAYERCACHE_IMAGE is not set: expected HOST/NAME, without a tag")
	}
	return i, r.Err()
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

// reader reads what only images have.
type reader struct{ *settings.Reader }

// identifier is what names a build argument, a secret or a variable.
var identifier = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

func (r *reader) object(variable string) map[string]string {
	values := map[string]string{}
	text := r.Text(variable, "{}")
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		r.Problem("%s is no JSON object of strings, such as {\"VERSION\":\"1.2\"}: %w", variable, err)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !identifier.MatchString(key) {
			r.Problem("%s has the name %q: expected letters, digits, _, . and -", variable, key)
		}
	}
	return values
}

func (r *reader) array(variable string) []string {
	var values []string
	if err := json.Unmarshal([]byte(r.Text(variable, "[]")), &values); err != nil {
		r.Problem("%s is no JSON array of strings, such as [\"--network=host\"]: %w", variable, err)
	}
	return values
}

// inside notes a path that a link leads out of the working directory: whoever wrote the source wrote the link, and the build
// would be given what lies there, such as the credentials of other programs. Paths that say themselves where they lead are meant.
func (r *reader) inside(variable, path string) {
	if leads, err := buildcontext.LeadsOut("", path); err == nil && leads {
		r.Problem("%s is %q, a link that leads out of the working directory: build what is inside, or name the folder itself",
			variable, path)
	}
}

// tagPattern is a tag by the distribution specification.
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// tags fills in the words, whose text comes from outside, as parts that are valid in a tag.
func (r *reader) tags(variable string, words Words) []string {
	tags := r.List(variable)
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
				r.Problem("%s has %s, which this build does not have", variable, word)
			}
			tag = strings.ReplaceAll(tag, word, cacheref.Slug(values[word], 80))
		}
		if !tagPattern.MatchString(tag) {
			r.Problem("%s has the tag %q: expected at most 128 letters, digits, _, . and -", variable, tags[i])
		}
		tags[i] = tag
	}
	return tags
}
