// Package pullthrough provides base images through the Amazon ECR pull-through cache.
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

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/validation"
)

// IPullThroughCache provides base images to builds. It is created in this app or imported.
type IPullThroughCache interface {
	constructs.IConstruct

	// GrantPull lets the grantee pull through the cache.
	GrantPull(grantee awsiam.IGrantable, options *PullOptions) awsiam.Grant
	// Mirrors is the value of LAYERCACHE_MIRRORS.
	Mirrors() *string
	// ImageUri returns the URI in ECR under which an upstream image is pulled.
	ImageUri(reference *string) *string

	serves() *catalog
	// grantReading is GrantPull with these actions on images that are there.
	grantReading(grantee awsiam.IGrantable, options *PullOptions, reading []*string) awsiam.Grant
}

// PullThroughCacheProps are the props of a PullThroughCache.
type PullThroughCacheProps struct {
	// Upstreams are the registries to cache from. Each account and region has one rule per prefix: a second
	// app there needs other prefixes.
	// Default: all of UpstreamRegistries, each with its default prefix.
	Upstreams *[]*Upstream

	// Template configures the repositories that ECR creates, for fields that an upstream's own Template does
	// not set.
	// Default: the defaults of RepositoryTemplate.
	Template *RepositoryTemplate

	// Pullers are principals of other accounts that may pull through every upstream and Prewarm images. Their
	// own policies must allow it too; GrantPull and Prewarm add that on an imported PullThroughCache.
	// Default: none.
	Pullers *[]*access.Party

	// RegistryPolicy adds the statements for pullers of other accounts to the registry policy of
	// RegistryPolicy_Of. Deploying it replaces a policy that was created by hand. If something else manages
	// the policy, set this to false and add RegistryPolicyStatements there.
	// Default: true.
	RegistryPolicy *bool
}

// PullThroughCache creates a pull-through cache rule for each upstream, and a template for the repositories
// that ECR creates under its prefix.
type PullThroughCache struct {
	constructs.Construct
	catalog              catalog
	ownsRegistryPolicy   bool
	registryStatements   []any
	templates            map[*rule]awsecr.CfnRepositoryCreationTemplate
	repositoryStatements map[*rule][]any
}

// NewPullThroughCache creates the rules and templates in the account and region of scope's stack.
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
	path := c.Node().Path()
	for _, u := range upstreams {
		c.addUpstream(u, u.Template.or(props.Template))
		claim(c.catalog.home.shared, prefixClaim, u.prefix(), path)
	}
	if props.Pullers != nil {
		everything := c.catalog.cover(nil)
		for _, p := range *props.Pullers {
			c.share(newParty(c.catalog.home.stack, p), everything, true, prewarmActions())
		}
	}
	return c
}

// Mirrors is the value of LAYERCACHE_MIRRORS: a comma-separated list of UPSTREAM=HOST/PREFIX. BuildKit then
// pulls the images from ECR, and Dockerfiles keep the names of the upstream.
func (c *PullThroughCache) Mirrors() *string { return c.catalog.mirrors() }

// ImageUri returns the URI in ECR under which an upstream image is pulled: with an upstream DockerHub,
// "docker.io/library/golang:1.26" is HOST/docker-hub/library/golang:1.26. An image of no listed upstream is
// reported as a problem.
func (c *PullThroughCache) ImageUri(reference *string) *string { return c.catalog.imageUri(reference) }

// upstreamsOr returns the list, by default all UpstreamRegistries.
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

func (c *PullThroughCache) check(props *PullThroughCacheProps, upstreams []*Upstream) validation.Problems {
	var found validation.Problems
	props.Template.check("Template", &found)
	found = append(found, checkUpstreams(c.catalog.home, upstreams)...)
	taken := claims(c.catalog.home.shared, prefixClaim)
	for i, u := range upstreams {
		if u == nil || !known(u.Registry) {
			continue
		}
		at := fmt.Sprintf("Upstreams[%d]", i)
		u.checkSecret(c.catalog.home, at, &found)
		u.Template.check(at+".Template", &found)
		c.checkTaken(taken, u, at, &found)
	}
	return append(found, access.CheckAll("Pullers", props.Pullers)...)
}

// checkTaken refuses a prefix that another PullThroughCache of the account and region uses.
func (c *PullThroughCache) checkTaken(prefixes map[string]claimed, u *Upstream, at string, found *validation.Problems) {
	taken, ok := prefixes[u.prefix()]
	if !ok {
		return
	}
	shared := c.catalog.home.shared
	fix := "give the upstream another prefix, or reuse that PullThroughCache"
	if taken.stack != *shared.Path() && !environmentKnown(shared) {
		fix += "; if the stacks are for different accounts or regions, give both their env"
	}
	found.Add(at+".Prefix", fmt.Sprintf("%q is already used by %s in this account and region", u.prefix(), taken.construct), fix)
}

// addUpstream creates the template and its role's permissions before the rule. Otherwise an early pull would
// fail, or create a repository without lifecycle rules.
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
	dependencies := []constructs.IDependable{template}
	if u.Ecr != nil {
		role := c.ecrRole(u)
		if permissions := role.Node().TryFindChild(jsii.String("DefaultPolicy")); permissions != nil {
			dependencies = append(dependencies, permissions)
		}
		props.UpstreamRepositoryPrefix, props.CustomRoleArn = u.Ecr.Prefix, role.RoleArn()
	}
	cfn := awsecr.NewCfnPullThroughCacheRule(c, jsii.String("Rule-"+u.id()), props)
	cfn.Node().AddDependency(dependencies...)
	r := newRule(c.catalog.home, u, t)
	c.catalog.rules = append(c.catalog.rules, r)
	c.templates[r] = template
}

func (c *PullThroughCache) serves() *catalog { return &c.catalog }
