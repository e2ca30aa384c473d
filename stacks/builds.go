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
	"github.com/layercache/layercache/constructs/validation"
)

var (
	buildNameForm = regexp.MustCompile(`^[a-z0-9](?:[._-]?[a-z0-9]){0,63}$`)
	scheduleForm  = regexp.MustCompile(`^(?:rate\([1-9][0-9]* (?:minutes?|hours?|days?)\)|cron\((?:[^ ()]+ ){5}[^ ()]+\))$`)
)

func (c *Config) validateBuilds(found *validation.Problems) {
	if len(c.Builds) == 0 {
		found.Add("layercache.builds", "is empty", "list at least one image to build")
	}
	names := map[string]int{}
	for i, b := range c.Builds {
		key := fmt.Sprintf("layercache.builds[%d]", i)
		validateBuildName(found, key+".name", b.Name)
		if first, taken := names[b.Name]; taken && b.Name != "" {
			found.Add(key+".name", fmt.Sprintf("%q is also the name of builds[%d]", b.Name, first), "give each build its own name")
		} else {
			names[b.Name] = i
		}
		validateSettings(found, key, b)
		validateSource(found, key, b)
	}
}

func validateBuildName(found *validation.Problems, key, name string) {
	switch {
	case name == "":
		found.Add(key, "is missing", "give the image a name, such as api")
	case name == "cache":
		found.Add(key, `"cache" is reserved for the cache repositories`, "use another name")
	case !buildNameForm.MatchString(name):
		found.Add(key, fmt.Sprintf("%q has the wrong form", name), "use lower-case letters and digits with single '.', '_' or '-' between them")
	}
}

func validateSource(found *validation.Problems, key string, b BuildConfig) {
	given := 0
	for _, place := range []string{b.Source.Directory, b.Source.GitHub, b.Source.GitLab, b.Source.Bitbucket} {
		if place != "" {
			given++
		}
	}
	switch {
	case given != 1:
		found.Add(key+".source", "needs exactly one of directory, github, gitlab and bitbucket", "give the directory that holds the Dockerfile, or the repository")
	case b.Source.Directory != "":
		validateDirectory(found, key, b)
	default:
		for _, p := range b.source("").Check() {
			found.Add(key+".source", p.Wrong, p.Fix)
		}
	}
}

// validateDirectory checks that the files exist. Otherwise the first build after the deployment would fail.
func validateDirectory(found *validation.Problems, key string, b BuildConfig) {
	dir := b.Source.Directory
	if b.Source.Version != "" {
		found.Add(key+".source.version", "is only allowed for a repository", "leave it out")
	}
	if b.Webhook {
		found.Add(key+".webhook", "a directory has no Git host that sends events", "use github, gitlab or bitbucket as the source, or leave it out")
	}
	if !isDir(dir) {
		found.Add(key+".source.directory", fmt.Sprintf("%q is not a directory", dir), "give a directory, absolute or relative to the directory of cdk.json")
		return
	}
	dockerfile, context := orDefault(b.Dockerfile, "Dockerfile"), orDefault(b.Context, ".")
	if info, err := os.Stat(filepath.Join(dir, dockerfile)); (err != nil || info.IsDir()) && !coveredBy(*found, key+".dockerfile") {
		found.Add(key+".dockerfile", fmt.Sprintf("there is no file %q in %q", dockerfile, dir), "give its path from the root of the source")
	}
	if !isDir(filepath.Join(dir, context)) && !coveredBy(*found, key+".context") {
		found.Add(key+".context", fmt.Sprintf("there is no directory %q in %q", context, dir), "give its path from the root of the source")
	}
}

// keysOfBuild maps props to keys that differ by more than the first letter.
var keysOfBuild = map[string]string{"Timeout": "timeoutMinutes", "PullRequestConcurrentBuildLimit": "pullRequestConcurrentBuilds"}

// pullRequestKeys reports which of the keys that only builds of pull requests use are set.
func (b BuildConfig) pullRequestKeys() map[string]bool {
	return map[string]bool{
		"pullRequestEnvironment": b.PullRequestEnvironment != nil, "pullRequestConcurrentBuilds": b.PullRequestConcurrentBuilds != nil,
	}
}

// propOfBuild returns the prop without the name of the object that holds it, as the keys of a build name it.
func propOfBuild(prop string) string {
	if rest, ok := strings.CutPrefix(prop, "PullRequests."); ok {
		return "PullRequest" + rest
	}
	return strings.TrimPrefix(prop, "Build.")
}

// validateSettings lets the construct check the settings that it takes unchanged, and reports its problems by
// configuration key.
func validateSettings(found *validation.Problems, key string, b BuildConfig) {
	if b.TimeoutMinutes != nil && *b.TimeoutMinutes < 0 {
		// The CDK has no negative durations, so the construct cannot check one.
		found.Add(key+".timeoutMinutes", fmt.Sprintf("%v minutes is out of CodeBuild's range", *b.TimeoutMinutes), "give 5 to 2160 minutes")
		b.TimeoutMinutes = nil
	}
	props := b.settings()
	props.PullRequests = b.pullRequests("")
	for _, p := range imagebuild.CheckSettings(props) {
		found.Add(keyOf(key, propOfBuild(p.Prop), keysOfBuild), p.Wrong, p.Fix)
	}
	given := b.pullRequestKeys()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name] && !b.Webhook {
			found.Add(key+"."+name, "is only for builds of pull requests", "set webhook, or leave it out")
		}
	}
	if b.LogRetentionDays != nil && retention[*b.LogRetentionDays] == "" {
		found.Add(key+".logRetentionDays", fmt.Sprintf("%v is not a retention time of CloudWatch Logs", *b.LogRetentionDays), "use "+retentionDays())
	}
	if b.Schedule != "" && !scheduleForm.MatchString(b.Schedule) {
		found.Add(key+".schedule", fmt.Sprintf("%q is not an EventBridge schedule", b.Schedule), `write "rate(1 day)" or "cron(0 3 * * ? *)"`)
	}
}

// keyOf returns the configuration key for a prop of a construct, below the key of its object.
func keyOf(object, prop string, exceptions map[string]string) string {
	switch name := exceptions[prop]; {
	case prop == "":
		return object
	case name != "":
		return object + "." + name
	}
	return object + "." + strings.ToLower(prop[:1]) + prop[1:]
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
