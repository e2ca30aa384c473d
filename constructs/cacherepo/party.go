package cacherepo

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// Party is a set of principals of other accounts. Nothing of it has to exist
// when the repository is deployed: the policy names the account (or the
// organization) and narrows it by conditions, as ECR refuses a policy that
// names a role which is not there yet.
type Party struct {
	// Account is the 12-digit id of the account that the principals belong to.
	// Default: any account of the organization, which OrganizationID then names.
	Account *string

	// OrganizationID, such as "o-a1b2c3d4e5", limits the party to principals of
	// that AWS organization (condition aws:PrincipalOrgID).
	// Default: no limit.
	OrganizationID *string

	// RolePath, such as "/ci/release/", limits the party to the roles below that
	// path (condition aws:PrincipalArn). It begins and ends with a slash.
	// Default: no limit.
	RolePath *string
}

// share adds one statement for each party to the policy of the repository.
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
	if p.RolePath != nil {
		account := p.Account
		if account == nil {
			account = jsii.String("*")
		}
		arn := stack.FormatArn(&awscdk.ArnComponents{
			Service:      jsii.String("iam"),
			Region:       jsii.String(""),
			Account:      account,
			Resource:     jsii.String("role" + *p.RolePath + "*"),
			ArnFormat:    awscdk.ArnFormat_NO_RESOURCE_NAME,
			ResourceName: nil,
		})
		conditions["ArnLike"] = map[string]any{"aws:PrincipalArn": arn}
	}
	return &conditions
}
