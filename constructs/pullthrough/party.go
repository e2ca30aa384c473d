package pullthrough

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/validation"
)

// party is the principal of statements in registry and repository policies. Statements are plain JSON values,
// because a statement read back from the CDK's JavaScript process has another form.
type party struct {
	// principal is "*" or the ARN of an account.
	principal  string
	conditions map[string]any
}

// partyOf returns the party for a grantee of another account: the account, narrowed to the role if its ARN is
// known. A policy cannot name a role that does not exist yet.
func partyOf(stack awscdk.Stack, account *string, principal awsiam.IPrincipal) party {
	who := party{principal: *access.AccountArn(stack, account), conditions: map[string]any{}}
	if role, ok := principal.(awsiam.IRole); ok && validation.IsLiteral(role.RoleArn()) {
		who.conditions["ArnEquals"] = map[string]any{"aws:PrincipalArn": *role.RoleArn()}
	}
	return who
}

// newParty returns the party for the props.
func newParty(stack awscdk.Stack, p *access.Party) party {
	who := party{principal: "*", conditions: p.Conditions(stack)}
	if p.Account != nil {
		who.principal = *access.AccountArn(stack, p.Account)
	}
	return who
}

// statement allows the party the actions. Statements of a repository policy have no resources.
func (p party) statement(actions []*string, resources *[]*string) map[string]any {
	statement := map[string]any{
		"Effect":    "Allow",
		"Action":    texts(actions),
		"Principal": map[string]any{"AWS": p.principal},
	}
	if resources != nil {
		statement["Resource"] = texts(*resources)
	}
	if len(p.conditions) > 0 {
		statement["Condition"] = p.conditions
	}
	return statement
}

func texts(values []*string) []any {
	var result []any
	for _, v := range values {
		result = append(result, *v)
	}
	return result
}
