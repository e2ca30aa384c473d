package cacherepo

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/validation"
)

// GrantRead lets the grantee import caches. Access from another account needs a statement in two policies:
// the grantee's and the repository's. For a repository of this app, GrantRead writes both. The repository
// policy allows the grantee's account, narrowed to the grantee by aws:PrincipalArn, so the grantee does not
// have to exist first. If the other account has to add its statement itself, the synthesis prints that
// statement.
func (c *CacheRepository) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	return c.grant("GrantRead", "Readers", grantee, ecrgrant.PullActions())
}

// GrantWrite lets the grantee import and export caches. It works across accounts as GrantRead does.
func (c *CacheRepository) GrantWrite(grantee awsiam.IGrantable) awsiam.Grant {
	return c.grant("GrantWrite", "Writers", grantee, ecrgrant.PushActions())
}

// request is one call of GrantRead or GrantWrite.
type request struct {
	// method is its name. party is the prop of CacheRepositoryProps that allows the same for other accounts.
	method, party string
	grantee       awsiam.IGrantable
	subject       subject
	actions       []*string
}

func (c *CacheRepository) grant(method, party string, grantee awsiam.IGrantable, actions []*string) awsiam.Grant {
	r := &request{method: method, party: party, grantee: grantee, actions: actions, subject: c.subjectOf(ecrgrant.Principal(grantee))}
	switch {
	case r.subject.everybody:
		return c.refuse(r, "would allow everybody", "grant to an account, an organization or a role")
	case c.owner.imported:
		return c.grantOnImported(r)
	case c.owner.name == "" && (r.subject.elsewhere(c.owner.account) || differ(c.owner.region, r.subject.region())):
		return c.refuse(r, "the grantee is in another account or region, where a name that CloudFormation generates is not known", "set CacheRepositoryProps.RepositoryName")
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

// grantOnImported adds the statement to the grantee's policy.
func (c *CacheRepository) grantOnImported(r *request) awsiam.Grant {
	grant := c.grantPrincipal(r)
	if !r.subject.reached(grant) {
		return c.refuse(r, "has no effect: the grantee has no policy in this app, and the policy of an imported repository belongs to the stack that creates it",
			"add the grantee to CacheRepositoryProps."+r.party+" there")
	}
	if !c.owner.policyAllows && !sameAccount(c.owner.account, r.subject.account) {
		c.note(infoMetadata, c.repositoryMustAllow(r))
	}
	return grant
}

// grantAcross adds the statements for a grantee of another account to both policies.
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

// reached reports whether a grant is in the policy of the subject.
func (s *subject) reached(grant awsiam.Grant) bool {
	return s.home != nil || !s.foreign && *grant.Success()
}

// elsewhere reports whether the subject is known to be in another account.
func (s *subject) elsewhere(account *string) bool {
	return s.account != nil && !sameAccount(account, s.account)
}

// sameAccount reports whether two accounts are the same. Like the CDK, it treats two accounts that
// CloudFormation fills in as the same.
func sameAccount(a, b *string) bool {
	if validation.IsLiteral(a) && validation.IsLiteral(b) {
		return *a == *b
	}
	return !validation.IsLiteral(a) && !validation.IsLiteral(b)
}
