// Package image reads the LAYERCACHE_* variables that describe the image to build, and turns them into
// arguments of `docker buildx build`. A CodeBuild project sets the variables, and users override them in its
// console; no shell sees their values.
package image

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/variables"
)

// Image describes an image to build.
type Image struct {
	// Repository is the repository to push to, HOST/NAME.
	Repository string
	// Tags are the tags of the image in the repository.
	Tags []string
	// Push is true when the image is pushed.
	Push bool
	// Dockerfile and Context are paths relative to the working directory.
	Dockerfile, Context string
	// Target is the stage to build; empty means the last.
	Target string
	// Platforms are the platforms to build for; none means the machine's own.
	Platforms []string
	// PlatformTags is true when each tag ends in the platform, so that Index can join the images.
	PlatformTags bool
	// BuildArgs are the values of build arguments by name.
	BuildArgs map[string]string
	// Secrets are the names of the environment variables that hold BuildKit secrets, by the secret's id.
	Secrets map[string]string
	// Provenance and SBOM are the values of --provenance and --sbom; empty means buildx's default.
	Provenance, SBOM string
	// Args are further arguments of docker buildx build, or of docker buildx bake.
	Args []string
	// BakeFile is the bake file whose targets are built instead; "true" means the files that buildx finds, and empty
	// that one image is built. BakeImages are the repositories of the targets' images, HOST/NAME, by target.
	BakeFile   string
	BakeImages map[string]string
}

// Words are the values of {commit}, {branch} and {build} in tags; empty when not known.
type Words struct{ Commit, Branch, Build string }

// From returns the image that the variables of `layercache image` or `layercache index` describe. lookup
// works like os.LookupEnv, and is used to check that the variables with secrets are set.
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
	i.readBake(v)
	var c checker
	if i.BakeFile != "" {
		c.checkBake(i)
	}
	c.inside("LAYERCACHE_CONTEXT", i.Context)
	c.inside("LAYERCACHE_DOCKERFILE", filepath.Dir(i.Dockerfile))
	i.Tags = c.tags(v.List("LAYERCACHE_TAGS"), words, i.joinedPlatforms())
	if i.PlatformTags && len(i.Platforms) != 1 {
		c.problem("LAYERCACHE_PLATFORM_TAGS", "is true and LAYERCACHE_PLATFORMS has %d platforms: expected one", len(i.Platforms))
	}
	for _, id := range slices.Sorted(maps.Keys(i.Secrets)) {
		if _, ok := lookup(i.Secrets[id]); !ok || !variables.IsIdentifier(i.Secrets[id]) {
			c.problem("LAYERCACHE_SECRETS", "takes the secret %q from the variable %q, which is not set", id, i.Secrets[id])
		}
	}
	if given, _ := lookup("LAYERCACHE_IMAGE"); given == "" && i.BakeFile == "" {
		wrong := "is not set: expected HOST/NAME, without a tag"
		if _, bakes := v["LAYERCACHE_BAKE"]; bakes { // Index does not read it.
			wrong += "; or set LAYERCACHE_BAKE"
		}
		c.problem("LAYERCACHE_IMAGE", "%s", wrong)
	}
	return i, c.problems
}

// Names returns the full names of the image, REPOSITORY:TAG.
func (i Image) Names() []string {
	var names []string
	for _, tag := range i.Tags {
		if i.PlatformTags {
			tag = platformTag(tag, i.Platforms[0])
		}
		names = append(names, i.Repository+":"+tag)
	}
	return names
}

// joinedPlatforms returns the platforms whose images have tags of their own, because Index joins them; nil if it does not.
func (i Image) joinedPlatforms() []string {
	if i.PlatformTags || len(i.Platforms) > 1 {
		return i.Platforms
	}
	return nil
}

// platformTag returns the tag of one platform's image, such as latest-linux-arm64 for latest.
func platformTag(tag, platform string) string {
	return tag + "-" + strings.ReplaceAll(platform, "/", "-")
}

// BuildxArgs returns the arguments of docker buildx build. Each value is joined to its flag with "=", so that
// no value is read as a flag.
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

// checker collects problems.
type checker struct{ problems variables.Problems }

func (c *checker) problem(variable, wrong string, args ...any) {
	c.problems = append(c.problems, variables.Problem{Variable: variable, Wrong: fmt.Sprintf(wrong, args...)})
}

// inside adds a problem if a symlink leads the path out of the working directory. The author of the source
// controls the symlink, and the build would read files outside, such as credentials of other programs. A path
// that leaves the working directory by its own text is allowed: the user wrote it.
func (c *checker) inside(variable, path string) {
	if leads, err := source.LeadsOut("", path); err == nil && leads {
		c.problem(variable, "is %q, a symlink that leads out of the working directory: use a path inside it, or the path that the symlink points to", path)
	}
}

// tagPattern is the grammar of tags in the distribution specification.
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// platformSuffix matches the end of a tag that platformTag returns.
var platformSuffix = regexp.MustCompile(`-(?:linux|windows|darwin|freebsd|wasip1|js)-[a-z0-9]+(?:-v[0-9]+)?$`)

// tags replaces the words in the tags. The values are untrusted, so they are slugged, and must not give the tag
// of a deployment: whoever may push a branch could replace the image that a deployment takes. If the images of several
// platforms are joined, they must not give the tag of one of these either: the build of another branch would join it
// into its own image.
func (c *checker) tags(templates []string, words Words, joined []string) []string {
	const variable = "LAYERCACHE_TAGS"
	if len(templates) == 0 {
		templates = []string{"latest"} // The list contained only commas.
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
				c.problem(variable, "contains %s, which is not known in this build", word)
			}
			tag = strings.ReplaceAll(tag, word, cache.Slug(values[word], 80))
		}
		switch {
		case !tagPattern.MatchString(tag) || slices.ContainsFunc(joined, func(platform string) bool { return !tagPattern.MatchString(platformTag(tag, platform)) }):
			c.problem(variable, "has the tag %q: expected at most 128 letters, digits, _, . and -", template)
		case tag != template && len(joined) > 0 && platformSuffix.MatchString(tag):
			c.problem(variable, "has the tag %q, which is %s in this build: tags that end in a platform belong to the images of one platform, so give the branch another name", template, tag)
		case tag != template && deployment.IsTag(tag):
			c.problem(variable, "has the tag %q, which is %s in this build: tags of this form belong to deployments, so give the branch another name", template, tag)
		}
		tags = append(tags, tag)
	}
	return tags
}
