package cacherepo

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// Party is a set of principals of other accounts. They do not have to exist when the repository is deployed:
// ECR refuses a policy that names a missing role, so the policy names the account (or organization) and
// narrows it by conditions.
type Party struct {
	// Account is the 12-digit id of the account that the principals belong to.
	// Default: any account of the organization that OrganizationID or OrganizationPaths name.
	Account *string

	// OrganizationID, such as "o-a1b2c3d4e5", limits the party to that AWS organization (condition
	// aws:PrincipalOrgID).
	// Default: no limit.
	OrganizationID *string

	// OrganizationPaths, such as "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*", limit the party to accounts in
	// these parts of an AWS organization (condition aws:PrincipalOrgPaths). A path ends with a slash for the
	// accounts of one organizational unit, with "/*" for those below it too.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths
	// Default: no limit.
	OrganizationPaths *[]*string

	// RolePath, such as "/ci/release/", limits the party to the roles below that path (condition
	// aws:PrincipalArn). It starts and ends with a slash.
	// Default: no limit.
	RolePath *string
}

// share adds one statement for each party to the repository policy.
func share(repository awsecr.Repository, sid string, parties *[]*Party, actions []*string) {
	if parties == nil {
		return
	}
	for i, p := range *parties {
		repository.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid:        jsii.String(fmt.Sprintf("%s%d", sid, i)),
			Principals: &[]awsiam.IPrincipal{p.principal()},
			Actions:    &actions,
			Conditions: p.conditions(awscdk.Stack_Of(repository)),
		}))
	}
}

func (p *Party) principal() awsiam.IPrincipal {
	if p.Account != nil {
		return awsiam.NewAccountPrincipal(p.Account)
	}
	return awsiam.NewAnyPrincipal()
}

func (p *Party) conditions(stack awscdk.Stack) *map[string]any {
	conditions := map[string]any{}
	if p.OrganizationID != nil {
		conditions["StringEquals"] = map[string]any{"aws:PrincipalOrgID": p.OrganizationID}
	}
	if p.OrganizationPaths != nil {
		conditions["ForAnyValue:StringLike"] = map[string]any{"aws:PrincipalOrgPaths": *p.OrganizationPaths}
	}
	if p.RolePath != nil {
		account := orElse(p.Account, jsii.String("*"))
		conditions["ArnLike"] = map[string]any{"aws:PrincipalArn": roleArn(stack, account, *p.RolePath+"*")}
	}
	return &conditions
}
