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
)

func (c *Config) validateBuilds(found *validation.Problems) {
	if len(c.Builds) == 0 {
		found.Add("layercache.builds", "is empty", "list at least one image to build")
	}
	names, repositories := map[string]int{}, map[string]int{}
	for i, b := range c.Builds {
		key := fmt.Sprintf("layercache.builds[%d]", i)
		validateBuildName(found, key+".name", b.Name)
		if first, taken := names[b.Name]; taken && b.Name != "" {
			found.Add(key+".name", fmt.Sprintf("%q is also the name of builds[%d]", b.Name, first), "give each build its own name")
		} else {
			names[b.Name] = i
		}
		c.validateImageIsNotCache(found, key, b)
		created := c.newRepositories(b)
		for _, at := range slices.Sorted(maps.Keys(created)) {
			repository := created[at]
			if first, taken := repositories[repository]; taken && c.Builds[first].Name != b.Name {
				found.Add(key+"."+at, fmt.Sprintf("%q is also the new image repository of builds[%d]", repository, first), "give each build its own, or name an existing one in imageRepository")
			} else {
				repositories[repository] = i
			}
		}
		validateSettings(found, key, b)
		validateSource(found, key, b)
		validateWebhook(found, key, b)
		validateTogether(found, key, b)
		if b.Bake != nil {
			validateBake(found, key, b)
		}
		c.validateImports(found, key, b)
		c.validatePullRequestRepository(found, key, i)
	}
}

// validatePullRequestRepository checks that the pull requests of a build do not push to where another build pushes
// releases or watches a base image, nor to a cache. The constructs check it only within a stack.
func (c *Config) validatePullRequestRepository(found *validation.Problems, key string, build int) {
	previews := c.Builds[build].PullRequestImageRepository
	if previews == "" {
		return
	}
	for i, other := range c.Builds {
		releases := slices.Collect(maps.Values(c.imageRepositories(other)))
		if i != build && slices.ContainsFunc(releases, func(name string) bool { return sameRepository(previews, name) }) {
			found.Add(key+".pullRequestImageRepository",
				fmt.Sprintf("is the image repository of builds[%d], where a pull request could replace a release", i), "use another repository, or leave it out")
		}
		for j, image := range other.BaseImages {
			if name, _, _ := strings.Cut(image, ":"); sameRepository(previews, name) {
				found.Add(key+".pullRequestImageRepository",
					fmt.Sprintf("is the repository of builds[%d].baseImages[%d], where a pull request could replace a base image", i, j), "use another repository, or leave it out")
			}
		}
	}
	for _, tier := range c.tiers() {
		if sameRepository(previews, TierRepositoryName(c.Name, tier)) {
			found.Add(key+".pullRequestImageRepository",
				fmt.Sprintf("is the cache repository of the tier %s, where a pull request could replace a cache", tier), "use another repository, or leave it out")
		}
	}
}

// validateImageIsNotCache refuses the repositories of all tiers for images. The construct checks only the tier of the
// build.
func (c *Config) validateImageIsNotCache(found *validation.Problems, key string, b BuildConfig) {
	repositories := c.imageRepositories(b)
	for _, at := range slices.Sorted(maps.Keys(repositories)) {
		for _, tier := range c.tiers() {
			if sameRepository(repositories[at], TierRepositoryName(c.Name, tier)) {
				found.Add(key+"."+at, fmt.Sprintf("is the cache repository of the tier %s", tier), "use a separate repository for the images")
			}
		}
	}
}

// imageRepositories returns the names or ARNs of the repositories that release builds push to, by their keys in the
// build.
func (c *Config) imageRepositories(b BuildConfig) map[string]string {
	repositories := map[string]string{}
	maps.Copy(repositories, c.newRepositories(b))
	switch {
	case b.Bake != nil:
		for target, repository := range b.Bake.Images {
			repositories[fmt.Sprintf("bake.images[%q]", target)] = repository
		}
	case b.ImageRepository != "":
		repositories["imageRepository"] = b.ImageRepository
	}
	return repositories
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
	var given, all []string
	for _, p := range b.Source.places() {
		all = append(all, p.key)
		if p.value != "" {
			given = append(given, p.key)
		}
	}
	if len(given) != 1 {
		found.Add(key+".source", "needs exactly one of "+strings.Join(all, ", "), "give the directory that holds the Dockerfile, or the repository")
		return
	}
	validateSourceOptions(found, key+".source", b.Source)
	if b.Webhook.isOn() {
		validateEvents(found, key+".webhook", given[0])
	}
	switch {
	case given[0] == "directory":
		validateDirectory(found, key, b)
	case given[0] == "s3":
		if bucket, object, _ := strings.Cut(b.Source.S3, "/"); bucket == "" || object == "" || strings.Contains(bucket, ":") {
			found.Add(key+".source.s3", fmt.Sprintf("%q has the wrong form", b.Source.S3), "give BUCKET/KEY, such as sources/shop.zip")
		}
	case slices.ContainsFunc(gitHosts, func(h gitHost) bool { return h.key == given[0] }):
		validateRepository(found, key, b.Source)
	case b.Source.isGitHost():
		names := namesOfBuild()
		for _, p := range b.source("", nil).Check() {
			found.Add(key+".source", names.Text(p.Wrong), names.Text(p.Fix))
		}
	}
}

// validateDirectory checks that the files exist. Otherwise the first build after the deployment would fail.
func validateDirectory(found *validation.Problems, key string, b BuildConfig) {
	dir := b.Source.Directory
	if !isDir(dir) {
		found.Add(key+".source.directory", fmt.Sprintf("%q is not a directory", dir), "give a directory, absolute or relative to the directory of cdk.json")
		return
	}
	if b.Bake != nil {
		validateBakeFile(found, key, dir, b.Bake)
		return
	}
	dockerfile, context := orDefault(b.Dockerfile, "Dockerfile"), orDefault(b.Context, ".")
	if info, err := os.Stat(filepath.Join(dir, dockerfile)); (err != nil || info.IsDir()) && !coveredBy(*found, key+".dockerfile") {
		found.Add(key+".dockerfile", fmt.Sprintf("there is no file %q in %q", dockerfile, dir), "give its path from the root of the source")
	} else if err == nil {
		validateDockerfile(found, key, filepath.Join(dir, dockerfile), b)
	}
	if !isDir(filepath.Join(dir, context)) && !coveredBy(*found, key+".context") {
		found.Add(key+".context", fmt.Sprintf("there is no directory %q in %q", context, dir), "give its path from the root of the source")
	}
}

// pullRequestKeys reports which of the keys that only builds of pull requests use are set.
func (b BuildConfig) pullRequestKeys() map[string]bool {
	return map[string]bool{
		"pullRequestTargets": b.PullRequestTargets != nil, "pullRequestApproval": b.PullRequestApproval != "",
		"pullRequestApproverRoles": b.PullRequestApproverRoles != nil, "pullRequestImageRepository": b.PullRequestImageRepository != "",
		"pullRequestTags": b.PullRequestTags != nil, "pullRequestSecrets": b.PullRequestSecrets != nil,
		"pullRequestFirstPulls": b.PullRequestFirstPulls != nil, "pullRequestEnvironment": b.PullRequestEnvironment != nil,
		"pullRequestExtra": b.PullRequestExtra != nil, "pullRequestConcurrentBuilds": b.PullRequestConcurrentBuilds != nil,
	}
}

// validateSettings lets the construct check the settings that it takes unchanged, and reports its problems by
// configuration key.
func validateSettings(found *validation.Problems, key string, b BuildConfig) {
	validateMinutes(found, key+".timeoutMinutes", &b.TimeoutMinutes, 5, 2160)
	validateMinutes(found, key+".queuedTimeoutMinutes", &b.QueuedTimeoutMinutes, 5, 480)
	if b.CacheMountLimitMiB != nil && !validation.IsAmount(*b.CacheMountLimitMiB) {
		found.Add(key+".cacheMountLimitMiB", fmt.Sprintf("%v is not a size", *b.CacheMountLimitMiB), `give 1 or more, or set cacheMounts to ["off"]`)
		b.CacheMountLimitMiB = nil
	}
	props, names := b.settings(), namesOfBuild()
	pullRequests := b.Bake == nil // validateBake says that the two exclude each other.
	if pullRequests {
		props.PullRequests = b.pullRequests("")
	}
	if b.Webhook.isOn() {
		props.Triggers.Webhook = b.webhook(pullRequests)
	}
	for _, p := range imagebuild.CheckSettings(props) {
		if p.Prop == "App" && b.App == b.Name && coveredBy(*found, key+".name") {
			continue // The app is the name, whose problem is there already.
		}
		named := names.Problem(p)
		found.Add(key+"."+named.Prop, named.Wrong, named.Fix)
	}
	given := b.pullRequestKeys()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name] && !b.startsPullRequests() {
			found.Add(key+"."+name, "is only for builds of pull requests", "set webhook, or leave it out")
		}
	}
	validateRetention(found, key+".logRetentionDays", b.LogRetentionDays)
}

func validateRetention(found *validation.Problems, key string, days *float64) {
	if days != nil && retention[*days] == "" {
		found.Add(key, fmt.Sprintf("%v is not a retention time of CloudWatch Logs", *days), retentionFix(*days))
	}
}

func validateSchedule(found *validation.Problems, key, schedule string) {
	if schedule == "" {
		return
	}
	if wrong, fix := validation.CheckSchedule(schedule); wrong != "" {
		found.Add(key, wrong, fix)
	}
}

// validateMinutes reports and removes a number of which the CDK cannot make a duration, so that the construct does
// not get it. The construct checks the others.
func validateMinutes(found *validation.Problems, key string, minutes **float64, least, most int) {
	if *minutes != nil && !found.CheckMinutesNumber(key, **minutes, least, most) {
		*minutes = nil
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
