package pullthrough

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/internal/warning"
	"github.com/layercache/layercache/constructs/validation"
)

// GrantPull lets the grantee pull images below the prefixes. It gives no access to the upstreams' secrets.
// The first pull of an image creates its repository and imports the image, with the permissions of the
// grantee (PullOptions.FirstPull).
//
// If the grantee is known to be in another account, GrantPull also allows it in the registry policy and in
// the policies of the repositories that ECR will create; existing repositories keep their policies. For an
// imported grantee, a warning prints what its account must allow. A grantee without a policy and without a
// known account is reported as a problem.
func (c *PullThroughCache) GrantPull(grantee awsiam.IGrantable, options *PullOptions) awsiam.Grant {
	return c.grantReading(grantee, options, ecrgrant.PullActions())
}

func (c *PullThroughCache) grantReading(grantee awsiam.IGrantable, options *PullOptions, reading []*string) awsiam.Grant {
	cover := c.catalog.cover(options)
	firstPull := options.firstPull()
	grant := c.catalog.grantIdentity(grantee, cover, firstPull, reading)
	account, other := c.catalog.otherAccount(grantee)
	if !other {
		if !c.catalog.home.shared.Adopted(grantee) && !*grant.Success() {
			validation.Report(c, validation.Problems{{
				Prop: "GrantPull", Wrong: "the grantee has no policy to which the permission could be added",
				Fix: "grant to a role, or add accounts and organizations to Pullers",
			}})
		}
		return grant
	}
	principal := grantee.GrantPrincipal()
	c.share(partyOf(awscdk.Stack_Of(c), account, principal), cover, firstPull, reading)
	if imported(principal) {
		c.warnOfTheirHalf(*account, cover, firstPull)
	}
	return grant
}

func (c *PullThroughCache) warnOfTheirHalf(account string, cover []covered, firstPull bool) {
	var actions, names []string
	for _, a := range append(ecrgrant.PullActions(), importActions(firstPull)...) {
		actions = append(actions, *a)
	}
	for _, v := range cover {
		names = append(names, v.repositories...)
		if firstPull && v.rule.tagged && actions[len(actions)-1] != *tagActions()[0] {
			actions = append(actions, *tagActions()[0])
		}
	}
	warning.Add(c, "layercache:pull-from-"+account, fmt.Sprintf(
		"GrantPull cannot change policies of account %s, which must allow its principal ecr:GetAuthorizationToken on *, and %s on the repositories %s of this registry",
		account, strings.Join(actions, ", "), strings.Join(names, ", ")))
}

// share allows a party of other accounts to import images and create repositories (registry policy), and the
// actions of reading images (policy of each new repository).
func (c *PullThroughCache) share(who party, cover []covered, firstPull bool, reading []*string) {
	if len(cover) == 0 {
		return
	}
	c.addRegistryStatement(who.statement(importActions(firstPull), c.catalog.arns(cover, nil)))
	if tagged := c.catalog.tagged(cover, firstPull); len(*tagged) > 0 {
		c.addRegistryStatement(who.statement(tagActions(), tagged))
	}
	for _, v := range cover {
		c.addRepositoryStatement(v.rule, who.statement(reading, nil))
	}
}

func (c *PullThroughCache) addRegistryStatement(statement map[string]any) {
	if contains(c.registryStatements, statement) {
		return
	}
	c.registryStatements = append(c.registryStatements, statement)
	if c.ownsRegistryPolicy {
		addToRegistryPolicy(c, statement)
	}
}

// addRepositoryStatement adds to the policy of the repositories that ECR creates for the rule. The template
// holds a policy as JSON text.
func (c *PullThroughCache) addRepositoryStatement(r *rule, statement map[string]any) {
	if contains(c.repositoryStatements[r], statement) {
		return
	}
	c.repositoryStatements[r] = append(c.repositoryStatements[r], statement)
	c.templates[r].SetRepositoryPolicy(awscdk.Stack_Of(c).ToJsonString(document(c.repositoryStatements[r]), nil))
}

// RegistryPolicyStatements returns the statements that the ECR registry policy of this account and region
// needs for pullers of other accounts. Add them to your own policy if PullThroughCacheProps.RegistryPolicy is
// false. Call it after the last GrantPull.
func (c *PullThroughCache) RegistryPolicyStatements() *[]any { return &c.registryStatements }
