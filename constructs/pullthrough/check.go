package pullthrough

import (
	"fmt"
	"regexp"

	"github.com/layercache/layercache/constructs/validation"
)

var (
	// azureForm is the form of the name of an Azure registry:
	// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
	azureForm   = regexp.MustCompile(`^[A-Za-z0-9]{5,50}$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2,}(?:-[a-z]+)+-[0-9]+$`)
	// patternForm is the form of a repository name in which "*" stands for any text.
	patternForm = regexp.MustCompile(`^[a-z0-9*]+(?:[._/-]+[a-z0-9*]+)*$`)
)

// CheckPrefix returns what is wrong with a repository prefix, or "". It refuses ROOT, which is only allowed
// together with Upstream.Repositories, and a slash at the end:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html.
func CheckPrefix(prefix string) string {
	switch {
	case prefix == rootPrefix:
		return `"ROOT" would include every repository of the registry`
	case len(prefix) < 2 || len(prefix) > 30:
		return fmt.Sprintf("%q has %d characters, and ECR accepts 2 to 30", prefix, len(prefix))
	case !validation.IsRepositoryName(prefix):
		return fmt.Sprintf("%q has the wrong form", prefix)
	}
	return ""
}

// PrefixFix describes a valid prefix.
const PrefixFix = "use lower-case letters and digits, with '.', '_', '-' or '/' between them, such as team/quay"

// checkUpstreams returns the problems of a list of upstreams, apart from secrets and templates.
func checkUpstreams(h home, upstreams []*Upstream) validation.Problems {
	var found validation.Problems
	if len(upstreams) == 0 {
		found.Add("Upstreams", "is empty", "name a registry, or leave the prop out to cache from the registries that need no secret")
	}
	prefixes, hosts := map[string]bool{}, map[string]bool{}
	for i, u := range upstreams {
		at := fmt.Sprintf("Upstreams[%d]", i)
		if u == nil || !known(u.Registry) {
			found.Add(at+".Registry", "is not a registry that ECR can cache from", "use one of "+registryNames())
			continue
		}
		u.check(h, at, &found)
		if prefixes[u.prefix()] {
			found.Add(at+".Prefix", fmt.Sprintf("%q is already used by another upstream", u.prefix()), "give each upstream its own prefix")
		}
		host := u.host(h)
		if host != "" && hosts[host] && !u.renames() {
			found.Add(at+".Registry", fmt.Sprintf("%q is listed twice", u.Registry), "keep one of them")
		}
		prefixes[u.prefix()] = true
		hosts[host] = hosts[host] || !u.renames()
	}
	return found
}

func known(r UpstreamRegistry) bool {
	_, ok := kinds[r]
	return ok
}

func (u *Upstream) check(h home, at string, found *validation.Problems) {
	if u.prefix() != rootPrefix {
		if wrong := CheckPrefix(u.prefix()); wrong != "" {
			found.Add(at+".Prefix", wrong, PrefixFix)
		}
	}
	u.checkAzure(at, found)
	u.checkEcr(h, at, found)
	u.checkRepositories(at, found)
}

func (u *Upstream) checkAzure(at string, found *validation.Problems) {
	at += ".AzureRegistry"
	const fix = "give NAME of NAME.azurecr.io, 5 to 50 letters and digits"
	switch {
	case u.Registry != Azure && u.AzureRegistry != nil:
		found.Add(at, fmt.Sprintf("is set, but the registry is %s", u.Registry), "leave it out")
	case u.Registry == Azure && u.AzureRegistry == nil:
		found.Add(at, "is missing", fix)
	case validation.IsLiteral(u.AzureRegistry) && !azureForm.MatchString(*u.AzureRegistry):
		found.Add(at, fmt.Sprintf("%q is not the name of a registry", *u.AzureRegistry), fix)
	}
}

func (u *Upstream) checkRepositories(at string, found *validation.Problems) {
	at += ".Repositories"
	if u.Repositories == nil {
		if u.prefix() == rootPrefix {
			found.Add(at, "is missing with the prefix ROOT, so GrantPull would include every repository of the account", `name repositories of the upstream, such as "library/*"`)
		}
		return
	}
	if len(*u.Repositories) == 0 {
		found.Add(at, "is empty, so GrantPull would allow nothing", `name repositories of the upstream, such as "library/*", or leave the prop out`)
	}
	for i, pattern := range *u.Repositories {
		at := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case pattern == nil || validation.IsLiteral(pattern) && !patternForm.MatchString(*pattern):
			found.Add(at, "is not a repository name of the upstream", `give a name without host and tag, such as library/golang; "*" stands for any text`)
		case u.prefix() == rootPrefix && (*pattern)[0] == '*':
			found.Add(at, fmt.Sprintf("%q with the prefix ROOT would include repositories of other origin", *pattern), "begin it with a name")
		}
	}
}
