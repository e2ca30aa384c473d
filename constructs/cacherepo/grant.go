package cacherepo

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/validation"
)

// GrantRead lets the grantee import caches. Between two accounts a permission
// has two halves: the policy of the grantee and the policy of the repository.
// On a repository that is made here both are written; the repository trusts the
// grantee's account, narrowed to the grantee by aws:PrincipalArn, so that
// nothing has to exist first. What the other account must do itself, a note of
// the synthesis says.
func (c *CacheRepository) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	return c.grant("GrantRead", "Readers", grantee, ecrgrant.PullActions())
}

// GrantWrite lets the grantee import and export caches, across accounts as
// GrantRead does.
func (c *CacheRepository) GrantWrite(grantee awsiam.IGrantable) awsiam.Grant {
	return c.grant("GrantWrite", "Writers", grantee, ecrgrant.PushActions())
}

// request is one call of GrantRead or GrantWrite.
type request struct {
	// method is its name, and party the prop of a repository that does the same
	// for other accounts.
	method, party string
	grantee       awsiam.IGrantable
	subject       subject
	actions       []*string
}

func (c *CacheRepository) grant(method, party string, grantee awsiam.IGrantable, actions []*string) awsiam.Grant {
	r := &request{method: method, party: party, grantee: grantee, actions: actions, subject: c.subjectOf(ecrgrant.Principal(grantee))}
	switch {
	case r.subject.everybody:
		return c.refuse(r, "would let everybody in", "grant to an account, an organization or a role")
	case c.owner.imported:
		return c.grantOnImported(r)
	case c.owner.name == "" && (r.subject.elsewhere(c.owner.account) || differ(c.owner.region, r.subject.region())):
		return c.refuse(r, "the grantee is in another account or region, which cannot know a name that CloudFormation makes", "set CacheRepositoryProps.RepositoryName")
	case r.subject.elsewhere(c.owner.account):
		return c.grantAcross(r)
	}
	ecrgrant.Login(c.shared, grantee)
	grant := c.repository.Grant(grantee, actions...)
	if r.subject.account == nil {
		c.note(infoMetadata, c.granteeMustHave(r))
	}
	return grant
}

// grantOnImported writes the grantee's half.
func (c *CacheRepository) grantOnImported(r *request) awsiam.Grant {
	grant := c.grantPrincipal(r)
	if !r.subject.reached(grant) {
		return c.refuse(r, "reaches nobody: the grantee has no policy here, and that of an imported repository belongs to the stack that makes it",
			"name the grantee in CacheRepositoryProps."+r.party+" there")
	}
	if !c.owner.allows && !sameAccount(c.owner.account, r.subject.account) {
		c.note(infoMetadata, c.repositoryMustAllow(r))
	}
	return grant
}

// grantAcross writes both halves of a permission between two accounts.
func (c *CacheRepository) grantAcross(r *request) awsiam.Grant {
	c.repository.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewAccountPrincipal(r.subject.account)},
		Actions:    &r.actions,
		Conditions: r.subject.conditions(c),
	}))
	if r.subject.arn == "" && r.subject.role() == "" && !r.subject.wholeAccount {
		c.note(warningMetadata, c.wholeAccountMayUse(r))
	}
	grant := c.grantPrincipal(r)
	if !r.subject.reached(grant) {
		c.note(infoMetadata, c.granteeMustHave(r))
	}
	return grant
}

// grantPrincipal adds login and actions to the policy of the grantee.
func (c *CacheRepository) grantPrincipal(r *request) awsiam.Grant {
	ecrgrant.Login(c.shared, r.grantee)
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      r.grantee,
		Actions:      &r.actions,
		ResourceArns: &[]*string{c.RepositoryArn()},
	})
}

// refuse reports an error and grants nothing.
func (c *CacheRepository) refuse(r *request, wrong, fix string) awsiam.Grant {
	validation.Report(c, []validation.Problem{{Prop: r.method, Wrong: wrong, Fix: fix}})
	return awsiam.Grant_Drop(r.grantee, jsii.String(wrong))
}

// reached tells whether a grant is in the policy of the subject.
func (s *subject) reached(grant awsiam.Grant) bool {
	return s.home != nil || !s.foreign && *grant.Success()
}

// elsewhere tells whether the subject is known to be outside of an account.
func (s *subject) elsewhere(account *string) bool {
	return s.account != nil && !sameAccount(account, s.account)
}

// sameAccount tells whether two accounts are, or may well be, the same: two that
// CloudFormation fills in are taken for one, as the CDK does.
func sameAccount(a, b *string) bool {
	if validation.IsLiteral(a) && validation.IsLiteral(b) {
		return *a == *b
	}
	return !validation.IsLiteral(a) && !validation.IsLiteral(b)
}
