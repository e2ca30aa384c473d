package stacks

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

var (
	nameForm      = regexp.MustCompile(`^[a-z](?:-?[a-z0-9]){1,30}$`)
	buildNameForm = regexp.MustCompile(`^[a-z0-9](?:[._-]?[a-z0-9]){0,63}$`)
	accountForm   = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm    = regexp.MustCompile(`^[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}$`)
)

// problems collects problems by their keys.
type problems []validation.Problem

func (p *problems) add(key, wrong, fix string) {
	*p = append(*p, validation.Problem{Prop: key, Wrong: wrong, Fix: fix})
}

// Validate sets the defaults and returns every problem, with its key. Paths
// that are relative start at the working directory, which is that of cdk.json.
func (c *Config) Validate() []validation.Problem {
	var found problems
	if c.Name == "" {
		c.Name = defaultName
	}
	if !nameForm.MatchString(c.Name) {
		found.add("layercache.name", fmt.Sprintf("%q has the wrong form", c.Name), "use 2 to 31 lower-case letters and digits with single '-' between them, a letter first")
	}
	c.validateEnvironments(&found)
	c.validatePullThrough(&found)
	if len(c.Builds) == 0 {
		found.add("layercache.builds", "is empty", "list at least one image to build")
	}
	names := map[string]int{}
	for i, b := range c.Builds {
		key := fmt.Sprintf("layercache.builds[%d]", i)
		validateBuildName(&found, key+".name", b.Name)
		if first, taken := names[b.Name]; taken && b.Name != "" {
			found.add(key+".name", fmt.Sprintf("%q is the name of builds[%d] too", b.Name, first), "give each build a name of its own")
		} else {
			names[b.Name] = i
		}
		validateSettings(&found, key, b)
		validateSource(&found, key, b)
	}
	return found
}

func (c *Config) validateEnvironments(found *problems) {
	for _, v := range []struct {
		key, cache, build string
		form              *regexp.Regexp
		fix               string
	}{
		{"account", c.Cache.Account, c.Build.Account, accountForm, "give the 12 digits of an account, in quotes"},
		{"region", c.Cache.Region, c.Build.Region, regionForm, "give a region, such as eu-central-1"},
	} {
		for _, side := range []struct{ name, value, other string }{{"cache", v.cache, v.build}, {"build", v.build, v.cache}} {
			key := "layercache." + side.name + "." + v.key
			switch {
			case side.value == "" && side.other != "":
				found.add(key, "is missing, while the other side has one", "give both, or neither to deploy where the CDK CLI points to")
			case side.value != "" && !v.form.MatchString(side.value):
				found.add(key, fmt.Sprintf("%q has the wrong form", side.value), v.fix)
			}
		}
	}
}

func (c *Config) validatePullThrough(found *problems) {
	upstreams := map[string]string{}
	var registries []string
	for _, r := range pullthrough.UpstreamRegistries() {
		registries = append(registries, string(r))
	}
	for _, registry := range slices.Sorted(maps.Keys(c.PullThrough.Prefixes)) {
		prefix, key := c.PullThrough.Prefixes[registry], "layercache.pullThrough.prefixes."+registry
		if pullthrough.UpstreamRegistry(registry).Host() == "" {
			found.add(key, "is not a registry that can be cached without a secret", "use "+strings.Join(registries, ", "))
			continue
		}
		if wrong := pullthrough.CheckPrefix(prefix); wrong != "" {
			found.add(key, wrong, pullthrough.PrefixFix)
		}
		if other, taken := upstreams[prefix]; taken {
			found.add(key, fmt.Sprintf("%q is the prefix of %s too", prefix, other), "give each upstream a prefix of its own")
		}
		if first, _, _ := strings.Cut(prefix, "/"); first == c.Name {
			found.add(key, fmt.Sprintf("%q holds the repositories of layercache.name", first), "use another prefix")
		}
		upstreams[prefix] = registry
	}
}

func validateBuildName(found *problems, key, name string) {
	switch {
	case name == "":
		found.add(key, "is missing", "give the image a name, such as api")
	case name == "cache":
		found.add(key, `"cache" is the name of the cache repository`, "use another name")
	case !buildNameForm.MatchString(name):
		found.add(key, fmt.Sprintf("%q has the wrong form", name), "use lower-case letters and digits with single '.', '_' or '-' between them")
	}
}

// validateSource checks that the files are there: a build would notice only
// after it was deployed.
func validateSource(found *problems, key string, b BuildConfig) {
	dir := b.Source.Directory
	if dir == "" {
		found.add(key+".source.directory", "is missing", "give the directory that holds the Dockerfile")
		return
	}
	if !isDir(dir) {
		found.add(key+".source.directory", fmt.Sprintf("%q is not a directory", dir), "give a directory, absolute or relative to the one of cdk.json")
		return
	}
	dockerfile, context := orDefault(b.Dockerfile, "Dockerfile"), orDefault(b.Context, ".")
	if info, err := os.Stat(filepath.Join(dir, dockerfile)); (err != nil || info.IsDir()) && !coveredBy(*found, key+".dockerfile") {
		found.add(key+".dockerfile", fmt.Sprintf("there is no file %q in %q", dockerfile, dir), "give its path from the root of the source")
	}
	if !isDir(filepath.Join(dir, context)) && !coveredBy(*found, key+".context") {
		found.add(key+".context", fmt.Sprintf("there is no directory %q in %q", context, dir), "give its path from the root of the source")
	}
}

// keys are the keys of props whose name differs from the key by more than its
// first letter.
var keys = map[string]string{"Timeout": "timeoutMinutes"}

// validateSettings asks the construct about the settings that it takes as they
// are, and tells its problems by their keys.
func validateSettings(found *problems, key string, b BuildConfig) {
	for _, p := range imagebuild.CheckSettings(b.settings()) {
		name := keys[p.Prop]
		if name == "" {
			name = strings.ToLower(p.Prop[:1]) + p.Prop[1:]
		}
		found.add(key+"."+name, p.Wrong, p.Fix)
	}
	if b.LogRetentionDays != nil && retention[*b.LogRetentionDays] == "" {
		found.add(key+".logRetentionDays", fmt.Sprintf("%v is not a retention of CloudWatch Logs", *b.LogRetentionDays), "use "+retentionDays())
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
