// Package pullthrough serves base images through Amazon ECR pull-through cache.
//
// The rules are described in
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html.
package pullthrough

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

// IPullThroughCache gives builds their base images.
type IPullThroughCache interface {
	constructs.IConstruct

	// GrantPull lets the grantee pull through the cache.
	GrantPull(grantee awsiam.IGrantable) awsiam.Grant
	// Mirrors is the value of LAYERCACHE_MIRRORS.
	Mirrors() *string
}

// PullThroughCacheProps are the props of a PullThroughCache.
type PullThroughCacheProps struct {
	// Upstreams are the registries to cache from. A rule exists once for an
	// account, region and prefix: a second app there takes other prefixes.
	// Default: every one of UpstreamRegistries, under its own name.
	Upstreams *[]*Upstream

	// LifecycleRules say when cached images expire.
	// Default: lifecycle.PullThroughRules(): 30 days after ECR fetched them.
	LifecycleRules *[]*lifecycle.Rule
}

// PullThroughCache makes a pull-through cache rule for each upstream, and a
// template for the repositories that ECR creates under its prefix.
type PullThroughCache struct {
	constructs.Construct
	upstreams []*Upstream
}

// NewPullThroughCache makes the rules and templates, in the account and region
// of the stack of scope.
func NewPullThroughCache(scope constructs.Construct, id *string, props *PullThroughCacheProps) *PullThroughCache {
	c := &PullThroughCache{}
	constructs.NewConstruct_Override(c, scope, id)
	if props == nil {
		props = &PullThroughCacheProps{}
	}
	c.upstreams = allUpstreams()
	if props.Upstreams != nil {
		c.upstreams = *props.Upstreams
	}
	rules := props.LifecycleRules
	if rules == nil {
		rules = lifecycle.PullThroughRules()
	}
	policy, problems := lifecycle.Render("LifecycleRules", rules)
	problems = append(problems, check(c.upstreams)...)
	validation.Report(c, problems)
	if len(problems) > 0 {
		c.upstreams = nil
	}
	for _, u := range c.upstreams {
		c.addUpstream(u, policy)
	}
	return c
}

func allUpstreams() []*Upstream {
	var upstreams []*Upstream
	for _, r := range UpstreamRegistries() {
		upstreams = append(upstreams, &Upstream{Registry: r})
	}
	return upstreams
}

// addUpstream makes the template before the rule: a pull that comes between the
// two would create a repository that never expires anything.
func (c *PullThroughCache) addUpstream(u *Upstream, policy string) {
	template := awsecr.NewCfnRepositoryCreationTemplate(c, jsii.String("Template-"+string(u.Registry)), &awsecr.CfnRepositoryCreationTemplateProps{
		Prefix:             jsii.String(u.prefix()),
		AppliedFor:         jsii.Strings("PULL_THROUGH_CACHE"),
		Description:        jsii.String(fmt.Sprintf("Images that layercache pulls through from %s", u.Registry.Host())),
		ImageTagMutability: jsii.String("MUTABLE"),
		LifecyclePolicy:    jsii.String(policy),
	})
	rule := awsecr.NewCfnPullThroughCacheRule(c, jsii.String("Rule-"+string(u.Registry)), &awsecr.CfnPullThroughCacheRuleProps{
		EcrRepositoryPrefix: jsii.String(u.prefix()),
		UpstreamRegistry:    jsii.String(string(u.Registry)),
		UpstreamRegistryUrl: jsii.String(u.Registry.Host()),
	})
	rule.Node().AddDependency(template)
}

// GrantPull lets the grantee pull any image below the prefixes. The first pull
// of an image creates its repository and imports the image, which are
// permissions of the one who pulls.
func (c *PullThroughCache) GrantPull(grantee awsiam.IGrantable) awsiam.Grant {
	login := ecrgrant.Login(grantee)
	if len(c.upstreams) == 0 {
		return login
	}
	var arns []*string
	for _, u := range c.upstreams {
		arns = append(arns, awscdk.Stack_Of(c).FormatArn(&awscdk.ArnComponents{
			Service:      jsii.String("ecr"),
			Resource:     jsii.String("repository"),
			ResourceName: jsii.String(u.prefix() + "/*"),
		}))
	}
	actions := append(ecrgrant.PullActions(), jsii.String("ecr:BatchImportUpstreamImage"), jsii.String("ecr:CreateRepository"))
	return login.Combine(awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      &actions,
		ResourceArns: &arns,
	}))
}

// Mirrors is the value of LAYERCACHE_MIRRORS: UPSTREAM=HOST/PREFIX for each
// upstream, with commas between them. BuildKit then finds the images there
// while Dockerfiles go on naming the upstream.
func (c *PullThroughCache) Mirrors() *string {
	stack := awscdk.Stack_Of(c)
	host := fmt.Sprintf("%s.dkr.ecr.%s.%s", *stack.Account(), *stack.Region(), *stack.UrlSuffix())
	var mirrors []string
	for _, u := range c.upstreams {
		mirrors = append(mirrors, fmt.Sprintf("%s=%s/%s", u.Registry.Host(), host, u.prefix()))
	}
	return jsii.String(strings.Join(mirrors, ","))
}
