// Package access describes principals of other accounts that may use a repository or a registry.
package access

import (
	"fmt"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Party is a set of principals of other accounts. They do not have to exist when the stack is deployed: ECR
// refuses a policy that names a missing role, so the policy names the account (or organization) and narrows it
// by conditions.
type Party struct {
	// Account is the 12-digit id of the account that the principals belong to.
	// Default: any account of the organization that OrganizationID or OrganizationPaths name.
	Account *string

	// OrganizationID, such as "o-a1b2c3d4e5", limits the party to that AWS organization (condition
	// aws:PrincipalOrgID).
	// Default: no limit.
	OrganizationID *string

	// OrganizationPaths, such as "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*", limit the party to accounts in these
	// parts of an AWS organization (condition aws:PrincipalOrgPaths). A path ends with a slash for the accounts
	// of one organizational unit, with "/*" for those below it too.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths
	// Default: no limit.
	OrganizationPaths *[]*string

	// RolePath, such as "/ci/release/", limits the party to the roles below that path (condition
	// aws:PrincipalArn). It starts and ends with a slash.
	// Default: no limit.
	RolePath *string
}

// Patterns from the IAM and Organizations API references.
var (
	accountID        = regexp.MustCompile(`^[0-9]{12}$`)
	organizationID   = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	organizationPath = regexp.MustCompile(`^o-[a-z0-9]{10,32}/(?:r-[a-z0-9]{4,32}/(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}/)*)?\*?$`)
	rolePath         = regexp.MustCompile(`^/[A-Za-z0-9+=,.@_-]+(?:/[A-Za-z0-9+=,.@_-]+)*/$`)
)

// CheckAll returns the problems of the parties in a prop.
func CheckAll(prop string, parties *[]*Party) validation.Problems {
	if parties == nil {
		return nil
	}
	var problems validation.Problems
	for i, p := range *parties {
		for _, problem := range p.Check() {
			at := fmt.Sprintf("%s[%d]", prop, i)
			if problem.Prop != "" {
				at += "." + problem.Prop
			}
			problems.Add(at, problem.Wrong, problem.Fix)
		}
	}
	return problems
}

// Check returns the problems of the party. The Prop of a problem is the name of the field, or "" for the whole
// party.
func (p *Party) Check() validation.Problems {
	var problems validation.Problems
	if p == nil || p.Account == nil && p.OrganizationID == nil && p.OrganizationPaths == nil {
		problems.Add("", "would allow everybody", "set Account, OrganizationID or OrganizationPaths")
		return problems
	}
	p.checkOrganizationPaths(&problems)
	for _, c := range []struct {
		prop  string
		value *string
		form  *regexp.Regexp
		fix   string
	}{
		{"Account", p.Account, accountID, "give the 12 digits of the account"},
		{"OrganizationID", p.OrganizationID, organizationID, "give the organization's id, such as o-a1b2c3d4e5"},
		{"RolePath", p.RolePath, rolePath, "give a path that starts and ends with a slash, such as /ci/release/"},
	} {
		if validation.IsLiteral(c.value) && !c.form.MatchString(*c.value) {
			problems.Add(c.prop, fmt.Sprintf("%q has the wrong form", *c.value), c.fix)
		}
	}
	return problems
}

func (p *Party) checkOrganizationPaths(problems *validation.Problems) {
	const prop, fix = "OrganizationPaths", "give paths such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
	if p.OrganizationPaths == nil {
		return
	}
	if len(*p.OrganizationPaths) == 0 {
		problems.Add(prop, "is empty", fix)
	}
	for i, path := range *p.OrganizationPaths {
		at := fmt.Sprintf("%s[%d]", prop, i)
		switch {
		case path == nil:
			problems.Add(at, "is nil", fix)
		case validation.IsLiteral(path) && !organizationPath.MatchString(*path):
			problems.Add(at, fmt.Sprintf("%q has the wrong form", *path), fix)
		}
	}
}

// Conditions returns the conditions that narrow a statement for the party's account, or for everybody, to the
// party. The values are plain JSON values.
func (p *Party) Conditions(stack awscdk.Stack) map[string]any {
	conditions := map[string]any{}
	if p.OrganizationID != nil {
		conditions["StringEquals"] = map[string]any{"aws:PrincipalOrgID": *p.OrganizationID}
	}
	if p.OrganizationPaths != nil {
		var paths []any
		for _, path := range *p.OrganizationPaths {
			paths = append(paths, *path)
		}
		conditions["ForAnyValue:StringLike"] = map[string]any{"aws:PrincipalOrgPaths": paths}
	}
	if p.RolePath != nil {
		account := p.Account
		if account == nil {
			account = jsii.String("*")
		}
		conditions["ArnLike"] = map[string]any{"aws:PrincipalArn": *RoleArn(stack, account, *p.RolePath+"*")}
	}
	return conditions
}

// AccountArn returns the ARN by which a policy names a whole account.
func AccountArn(stack awscdk.Stack, account *string) *string { return iamArn(stack, account, "root") }

// RoleArn returns the ARN for roles; path starts with a slash and may end with "*".
func RoleArn(stack awscdk.Stack, account *string, path string) *string {
	return iamArn(stack, account, "role"+path)
}

func iamArn(stack awscdk.Stack, account *string, resource string) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service:   jsii.String("iam"),
		Region:    jsii.String(""),
		Account:   account,
		Resource:  jsii.String(resource),
		ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME,
	})
}
