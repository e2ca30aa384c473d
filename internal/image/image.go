// Package image reads the LAYERCACHE_* variables that say what to build, and makes the arguments of `docker buildx build` of
// them. A CodeBuild project sets them and its console overrides them; no shell sees their values.
package image

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/cacheref"
	"github.com/layercache/layercache/internal/variables"
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

// From describes the image by the variables of `layercache image` or `layercache index`. lookup has the form of os.LookupEnv, and
// tells which secrets are there.
func From(v variables.Values, words Words, lookup func(string) (string, bool)) (Image, variables.Problems) {
	i := Image{
		Repository:   v.Text("LAYERCACHE_IMAGE"),
		Push:         v.Boolean("LAYERCACHE_PUSH"),
		Dockerfile:   v.Text("LAYERCACHE_DOCKERFILE"),
		Context:      v.Text("LAYERCACHE_CONTEXT"),
		Target:       v.Text("LAYERCACHE_TARGET"),
		Platforms:    v.List("LAYERCACHE_PLATFORMS"),
		PlatformTags: v.Boolean("LAYERCACHE_PLATFORM_TAGS"),
		BuildArgs:    v.Object("LAYERCACHE_BUILD_ARGS"),
		Secrets:      v.Object("LAYERCACHE_SECRETS"),
		Provenance:   v.Text("LAYERCACHE_PROVENANCE"),
		SBOM:         v.Text("LAYERCACHE_SBOM"),
		Args:         v.List("LAYERCACHE_ARGS"),
	}
	var c checker
	c.inside("LAYERCACHE_CONTEXT", i.Context)
	c.inside("LAYERCACHE_DOCKERFILE", filepath.Dir(i.Dockerfile))
	i.Tags = c.tags(v.List("LAYERCACHE_TAGS"), words)
	if i.PlatformTags && len(i.Platforms) != 1 {
		c.problem("LAYERCACHE_PLATFORM_TAGS", "is true and LAYERCACHE_PLATFORMS names %d platforms: expected one", len(i.Platforms))
	}
	for _, id := range slices.Sorted(maps.Keys(i.Secrets)) {
		if _, ok := lookup(i.Secrets[id]); !ok || !variables.IsIdentifier(i.Secrets[id]) {
			c.problem("LAYERCACHE_SECRETS", "takes the secret %q from the variable %q, which is not set", id, i.Secrets[id])
		}
	}
	if given, _ := lookup("LAYERCACHE_IMAGE"); given == "" {
		c.problem("LAYERCACHE_IMAGE", "is not set: expected HOST/NAME, without a tag")
	}
	return i, c.problems
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

// checker collects what is wrong.
type checker struct{ problems variables.Problems }

func (c *checker) problem(variable, wrong string, args ...any) {
	c.problems = append(c.problems, variables.Problem{Variable: variable, Wrong: fmt.Sprintf(wrong, args...)})
}

// inside notes a path that a link leads out of the working directory: whoever wrote the source wrote the link, and the build
// would be given what lies there, such as the credentials of other programs. Paths that say themselves where they lead are meant.
func (c *checker) inside(variable, path string) {
	if !filepath.IsLocal(path) {
		return
	}
	dir, err := os.Getwd()
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	target, missing := filepath.EvalSymlinks(filepath.Join(dir, path))
	if err != nil || missing != nil {
		return // An address, or nothing: buildx knows what to say.
	}
	if relative, err := filepath.Rel(dir, target); err != nil || !filepath.IsLocal(relative) {
		c.problem(variable, "is %q, a link that leads out of the working directory: build what is inside, or name the folder itself", path)
	}
}

// tagPattern is a tag by the distribution specification.
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// tags fills in the words, whose text comes from outside, as parts that are valid in a tag.
func (c *checker) tags(templates []string, words Words) []string {
	const variable = "LAYERCACHE_TAGS"
	if len(templates) == 0 {
		templates = []string{"latest"} // A list of nothing but commas.
	}
	values := map[string]string{"{commit}": words.Commit, "{branch}": words.Branch, "{build}": words.Build}
	var tags []string
	for _, template := range templates {
		tag := template
		for _, word := range slices.Sorted(maps.Keys(values)) {
			if !strings.Contains(tag, word) {
				continue
			}
			if values[word] == "" {
				c.problem(variable, "has %s, which this build does not have", word)
			}
			tag = strings.ReplaceAll(tag, word, cacheref.Slug(values[word], 80))
		}
		if !tagPattern.MatchString(tag) {
			c.problem(variable, "has the tag %q: expected at most 128 letters, digits, _, . and -", template)
		}
		tags = append(tags, tag)
	}
	return tags
}
