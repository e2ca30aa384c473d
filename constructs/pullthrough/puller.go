package pullthrough

import (
	"fmt"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Puller is a set of principals of other accounts that may pull. They do not have to exist when the rules are
// deployed.
type Puller struct {
	// Account is the 12-digit id of the account that the principals belong to.
	// Default: any account of the organization.
	Account *string

	// OrganizationID, such as "o-a1b2c3d4e5", limits the principals to those of that AWS organization
	// (condition aws:PrincipalOrgID).
	// Default: no limit.
	OrganizationID *string

	// RolePath, such as "/ci/", limits the principals to the roles below that path (condition
	// aws:PrincipalArn). It starts and ends with a slash.
	// Default: no limit.
	RolePath *string
}

var (
	organizationForm = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	rolePathForm     = regexp.MustCompile(`^/[A-Za-z0-9+=,.@_-]+(?:/[A-Za-z0-9+=,.@_-]+)*/$`)
)

func checkPullers(pullers *[]*Puller) validation.Problems {
	var found validation.Problems
	if pullers == nil {
		return nil
	}
	for i, p := range *pullers {
		at := fmt.Sprintf("Pullers[%d]", i)
		if p == nil || p.Account == nil && p.OrganizationID == nil {
			found.Add(at, "would allow everybody", "set Account or OrganizationID")
			continue
		}
		for _, c := range []struct {
			prop  string
			value *string
			form  *regexp.Regexp
			fix   string
		}{
			{".Account", p.Account, accountForm, "give the 12 digits of the account"},
			{".OrganizationID", p.OrganizationID, organizationForm, "give the organization's id, such as o-a1b2c3d4e5"},
			{".RolePath", p.RolePath, rolePathForm, "give a path that starts and ends with a slash, such as /ci/"},
		} {
			if validation.IsLiteral(c.value) && !c.form.MatchString(*c.value) {
				found.Add(at+c.prop, fmt.Sprintf("%q has the wrong form", *c.value), c.fix)
			}
		}
	}
	return found
}

func (p *Puller) party(stack awscdk.Stack) party {
	who := party{principal: "*", conditions: map[string]any{}}
	if p.Account != nil {
		who.principal = accountPrincipal(stack, p.Account)
	}
	if p.OrganizationID != nil {
		who.conditions["StringEquals"] = map[string]any{"aws:PrincipalOrgID": *p.OrganizationID}
	}
	if p.RolePath != nil {
		who.conditions["ArnLike"] = map[string]any{"aws:PrincipalArn": iamArn(stack, jsii.String(valueOr(p.Account, "*")), "role"+*p.RolePath+"*")}
	}
	return who
}
