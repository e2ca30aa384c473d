// Package pullthrough serves base images through Amazon ECR pull-through cache.
//
// The rules are described in
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html.
package pullthrough

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// IPullThroughCache gives builds their base images; made here or imported.
type IPullThroughCache interface {
	constructs.IConstruct

	// GrantPull lets the grantee pull through the cache.
	GrantPull(grantee awsiam.IGrantable, options *PullOptions) awsiam.Grant
	// Mirrors is the value of LAYERCACHE_MIRRORS.
	Mirrors() *string
	// ImageUri is where an image of an upstream is pulled through.
	ImageUri(reference *string) *string

	serves() *catalog
}

// PullThroughCacheProps are the props of a PullThroughCache.
type PullThroughCacheProps struct {
	// Upstreams are the registries to cache from. A rule exists once for an
	// account, region and prefix: a second app there takes other prefixes.
	// Default: every one of UpstreamRegistries, under its own name.
	Upstreams *[]*Upstream

	// Template says what the repositories are like that ECR creates, for every
	// upstream that does not say it itself.
	// Default: the defaults of RepositoryTemplate.
	Template *RepositoryTemplate

	// Pullers are principals of other accounts that may pull through every
	// upstream. Their own accounts must allow it too, which GrantPull does on an
	// imported PullThroughCache.
	// Default: none.
	Pullers *[]*Puller

	// RegistryPolicy puts what the pullers of other accounts need into the
	// registry policy that RegistryPolicy_Of gives. Deploying it replaces a
	// policy that was made by hand. Set it to false where something else manages
	// the policy, and put RegistryPolicyStatements there.
	// Default: true.
	RegistryPolicy *bool
}

// PullThroughCache makes a pull-through cache rule for each upstream, and a
// template for the repositories that ECR creates under its prefix.
type PullThroughCache struct {
	constructs.Construct
	catalog              catalog
	ownsRegistryPolicy   bool
	registryStatements   []any
	templates            map[*rule]awsecr.CfnRepositoryCreationTemplate
	repositoryStatements map[*rule][]any
}

// NewPullThroughCache makes the rules and templates, in the account and region
// of the stack of scope.
func NewPullThroughCache(scope constructs.Construct, id *string, props *PullThroughCacheProps) *PullThroughCache {
	c := &PullThroughCache{
		templates:            map[*rule]awsecr.CfnRepositoryCreationTemplate{},
		repositoryStatements: map[*rule][]any{},
	}
	constructs.NewConstruct_Override(c, scope, id)
	if props == nil {
		props = &PullThroughCacheProps{}
	}
	c.catalog = catalog{scope: c, home: homeOf(scope)}
	c.ownsRegistryPolicy = props.RegistryPolicy == nil || *props.RegistryPolicy
	upstreams := upstreamsOr(props.Upstreams)
	found := c.check(props, upstreams)
	validation.Report(c, found)
	if len(found) > 0 {
		return c
	}
	for _, u := range upstreams {
		c.addUpstream(u, u.Template.or(props.Template))
	}
	if props.Pullers != nil {
		everything := c.catalog.cover(nil)
		for _, p := range *props.Pullers {
			c.share(p.party(c.catalog.home.stack), everything, true)
		}
	}
	return c
}

// Mirrors is the value of LAYERCACHE_MIRRORS: UPSTREAM=HOST/PREFIX for each
// upstream, with commas between them. BuildKit then finds the images there
// while Dockerfiles go on naming the upstream.
func (c *PullThroughCache) Mirrors() *string { return c.catalog.mirrors() }

// ImageUri is where an image of an upstream is pulled through: with an upstream
// DockerHub, "docker.io/library/golang:1.26" is
// HOST/docker-hub/library/golang:1.26. It is a problem when no upstream has it.
func (c *PullThroughCache) ImageUri(reference *string) *string { return c.catalog.imageUri(reference) }

// upstreamsOr is the list, or the upstreams that need nothing but their name.
func upstreamsOr(list *[]*Upstream) []*Upstream {
	if list != nil {
		return *list
	}
	var upstreams []*Upstream
	for _, r := range UpstreamRegistries() {
		upstreams = append(upstreams, &Upstream{Registry: r})
	}
	return upstreams
}

func (c *PullThroughCache) check(props *PullThroughCacheProps, upstreams []*Upstream) problems {
	var found problems
	props.Template.check("Template", &found)
	found = append(found, checkUpstreams(c.catalog.home, upstreams)...)
	for i, u := range upstreams {
		if u == nil || !known(u.Registry) {
			continue
		}
		at := fmt.Sprintf("Upstreams[%d]", i)
		u.checkSecret(c.catalog.home, at, &found)
		u.Template.check(at+".Template", &found)
		c.checkTaken(u, at, &found)
	}
	return append(found, checkPullers(props.Pullers)...)
}

// checkTaken refuses a prefix that another PullThroughCache of the account and
// region has.
func (c *PullThroughCache) checkTaken(u *Upstream, at string, found *problems) {
	taken, ok := findClaim(c.catalog.home.stack, prefixClaim, u.prefix())
	if !ok {
		return
	}
	fix := "give the upstream another prefix, or pass that PullThroughCache on"
	if taken.stack != *c.catalog.home.stack.Node().Path() && !environmentKnown(c.catalog.home.stack) {
		fix += "; if the stacks are for different accounts or regions, give both their env"
	}
	found.add(at+".Prefix", fmt.Sprintf("%q is taken by %s in this account and region", u.prefix(), taken.construct), fix)
}

// addUpstream makes the template, and the permissions of its role, before the
// rule: a pull that comes between would create a repository that never expires
// anything, or fail.
func (c *PullThroughCache) addUpstream(u *Upstream, t *RepositoryTemplate) {
	template := c.addTemplate(u, t)
	props := &awsecr.CfnPullThroughCacheRuleProps{
		EcrRepositoryPrefix: jsii.String(u.prefix()),
		UpstreamRegistry:    jsii.String(string(u.Registry)),
		UpstreamRegistryUrl: jsii.String(u.url(c.catalog.home)),
	}
	if u.Secret != nil {
		props.CredentialArn = u.Secret.SecretArn()
	}
	before := []constructs.IDependable{template}
	if u.Ecr != nil {
		role := c.ecrRole(u)
		if permissions := role.Node().TryFindChild(jsii.String("DefaultPolicy")); permissions != nil {
			before = append(before, permissions)
		}
		props.UpstreamRepositoryPrefix, props.CustomRoleArn = u.Ecr.Prefix, role.RoleArn()
	}
	cfn := awsecr.NewCfnPullThroughCacheRule(c, jsii.String("Rule-"+u.id()), props)
	cfn.Node().AddDependency(before...)
	claim(c.catalog.home.stack, prefixClaim, u.prefix(), c)
	r := newRule(c.catalog.home, u, t)
	c.catalog.rules = append(c.catalog.rules, r)
	c.templates[r] = template
}

func (c *PullThroughCache) serves() *catalog { return &c.catalog }
