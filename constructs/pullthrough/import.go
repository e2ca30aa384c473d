package pullthrough

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/validation"
)

// PullThroughCacheAttributes identify existing rules.
type PullThroughCacheAttributes struct {
	// Upstreams are the upstreams of the rules, with the props they were created with. Secrets and roles can
	// be left out.
	// Default: all of UpstreamRegistries, each with its default prefix.
	Upstreams *[]*Upstream

	// Account is the 12-digit id of the account of the rules. If it is another account, its
	// PullThroughCacheProps.Pullers must include the account of this stack.
	// Default: the account of the stack.
	Account *string

	// Region is the region of the rules.
	// Default: the region of the stack.
	Region *string
}

// importedCache is a PullThroughCache created elsewhere.
type importedCache struct {
	constructs.Construct
	catalog catalog
}

// PullThroughCache_FromPullThroughCacheAttributes refers to rules that are created elsewhere, such as in a
// shared account.
func PullThroughCache_FromPullThroughCacheAttributes(scope constructs.Construct, id *string, attributes *PullThroughCacheAttributes) IPullThroughCache {
	c := &importedCache{}
	constructs.NewConstruct_Override(c, scope, id)
	if attributes == nil {
		attributes = &PullThroughCacheAttributes{}
	}
	c.catalog = catalog{scope: c, home: homeOf(scope).other(attributes.Account, attributes.Region)}
	upstreams := upstreamsOr(attributes.Upstreams)
	found := checkUpstreams(c.catalog.home, upstreams)
	for _, p := range []struct {
		prop  string
		value *string
		ok    func(string) bool
		fix   string
	}{
		{"Account", attributes.Account, accountForm.MatchString, "give the 12 digits of the account"},
		{"Region", attributes.Region, regionForm.MatchString, "give a region, such as eu-west-1"},
	} {
		if validation.IsLiteral(p.value) && !p.ok(*p.value) {
			found.Add(p.prop, fmt.Sprintf("%q has the wrong form", *p.value), p.fix)
		}
	}
	validation.Report(c, found)
	if len(found) > 0 {
		return c
	}
	for _, u := range upstreams {
		c.catalog.rules = append(c.catalog.rules, newRule(c.catalog.home, u, u.Template.or(nil)))
	}
	if a := attributes.Account; a != nil && *a != *c.catalog.home.shared.Account() {
		awscdk.Annotations_Of(c).AddInfo(jsii.String(fmt.Sprintf(
			"the pull-through cache of account %s must include this account in PullThroughCacheProps.Pullers", *a)))
	}
	return c
}

// GrantPull adds the permission to the grantee's own policy. The account of the rules must allow the grantee
// in PullThroughCacheProps.Pullers.
func (c *importedCache) GrantPull(grantee awsiam.IGrantable, options *PullOptions) awsiam.Grant {
	return c.grantReading(grantee, options, ecrgrant.PullActions())
}

func (c *importedCache) grantReading(grantee awsiam.IGrantable, options *PullOptions, reading []*string) awsiam.Grant {
	return c.catalog.grantIdentity(grantee, c.catalog.cover(options), options.firstPull(), reading)
}

// Mirrors is the value of LAYERCACHE_MIRRORS.
func (c *importedCache) Mirrors() *string { return c.catalog.mirrors() }

// ImageUri returns the URI in ECR under which an upstream image is pulled.
func (c *importedCache) ImageUri(reference *string) *string { return c.catalog.imageUri(reference) }

func (c *importedCache) serves() *catalog { return &c.catalog }
