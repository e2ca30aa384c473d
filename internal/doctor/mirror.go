package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/variables"
)

// rootPrefix is ECR's name of the rule for all other prefixes.
const rootPrefix = "ROOT"

// secretHosts are the upstreams that require a sign-in.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
var secretHosts = []string{"registry-1.docker.io", "ghcr.io", "registry.gitlab.com", "cgr.dev"}

// mirror checks that a mirror in ECR has a pull-through rule and that the registry policy is in force, and
// that a mirror elsewhere answers.
func (a *account) mirror(mirror variables.Mirror) []Check {
	location, prefix, _ := strings.Cut(mirror.Location, "/")
	if problem := checkHost("mirror", "LAYERCACHE_MIRRORS", location); problem != nil {
		return []Check{*problem}
	}
	registry, err := name.NewRegistry(location, name.StrictValidation)
	if err != nil {
		return []Check{{"mirror", Fail, err.Error(), "correct LAYERCACHE_MIRRORS"}}
	}
	host, isECR := ecr.ParseHost(location)
	if !isECR {
		check := a.reach(registry, authn.DefaultKeychain)
		check.Name = "mirror"
		return []Check{check}
	}
	checks, signedIn := a.signIn(registry, "")
	if !signedIn {
		return checks
	}
	client, err := a.connect(host)
	if err != nil {
		return append(checks, Check{"mirror", Fail, err.Error(), "correct the AWS configuration"})
	}
	var rules []types.PullThroughCacheRule
	pages := awsecr.NewDescribePullThroughCacheRulesPaginator(client, &awsecr.DescribePullThroughCacheRulesInput{RegistryId: &host.Account})
	for pages.HasMorePages() {
		page, err := pages.NextPage(a.ctx)
		if err != nil {
			return append(checks, failedCall("mirror", "ecr:DescribePullThroughCacheRules", err))
		}
		rules = append(rules, page.PullThroughCacheRules...)
	}
	checks = append(checks, checkRule(mirror.Upstream, prefix, rules))
	return append(checks, a.registryPolicy(client, host)...)
}

// checkRule checks that the rule for a prefix exists and has the upstream.
func checkRule(upstream, prefix string, rules []types.PullThroughCacheRule) Check {
	rule := ruleFor(prefix, rules)
	if rule == nil {
		return Check{"mirror", Fail, fmt.Sprintf("%s: no pull-through rule has the prefix %q", upstream, prefix),
			"deploy the pull-through cache, or correct LAYERCACHE_MIRRORS; until then builds pull from the upstream"}
	}
	found := aws.ToString(rule.UpstreamRegistryUrl)
	wanted := upstream
	if upstream == "docker.io" {
		wanted = "registry-1.docker.io"
	}
	secret := aws.ToString(rule.CredentialArn)
	needsSecret := slices.Contains(secretHosts, found) || strings.HasSuffix(found, ".azurecr.io")
	switch {
	case found != wanted:
		return Check{"mirror", Fail, fmt.Sprintf("%s: the rule with the prefix %q is for %s", upstream, prefix, found), "correct LAYERCACHE_MIRRORS or the rule"}
	case needsSecret && secret == "":
		return Check{"mirror", Fail, fmt.Sprintf("%s: the rule with the prefix %q has no secret, but %s requires a sign-in", upstream, prefix, found),
			"store a user name and an access token in a secret whose name begins with ecr-pullthroughcache/, and set it in the rule"}
	case secret != "":
		_, secret, _ = strings.Cut(secret, ":secret:")
		return Check{"mirror", OK, fmt.Sprintf("%s: prefix %q, secret %s", upstream, prefix, secret), ""}
	}
	return Check{"mirror", OK, fmt.Sprintf("%s: prefix %q", upstream, prefix), ""}
}

// ruleFor returns the rule with the longest matching prefix, nil if there is none.
func ruleFor(prefix string, rules []types.PullThroughCacheRule) *types.PullThroughCacheRule {
	var best *types.PullThroughCacheRule
	longest := -1
	for i, rule := range rules {
		own := aws.ToString(rule.EcrRepositoryPrefix)
		if own == rootPrefix {
			own = ""
		}
		if own != "" && !strings.HasPrefix(prefix+"/", own+"/") || len(own) <= longest {
			continue
		}
		best, longest = &rules[i], len(own)
	}
	return best
}
