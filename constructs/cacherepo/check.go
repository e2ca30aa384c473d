package cacherepo

import (
	"fmt"
	"regexp"

	"github.com/layercache/layercache/constructs/validation"
)

// Patterns from the ECR, IAM and Organizations API references.
var (
	repositoryName   = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$`)
	repositoryArn    = regexp.MustCompile(`^arn:[a-z0-9-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/.+$`)
	accountID        = regexp.MustCompile(`^[0-9]{12}$`)
	organizationID   = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	organizationPath = regexp.MustCompile(`^o-[a-z0-9]{10,32}/(?:r-[a-z0-9]{4,32}/(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}/)*)?\*?$`)
	rolePath         = regexp.MustCompile(`^/[A-Za-z0-9+=,.@_-]+(?:/[A-Za-z0-9+=,.@_-]+)*/$`)
)

func checkName(name *string) []validation.Problem {
	if !validation.IsLiteral(name) || len(*name) >= 2 && len(*name) <= 256 && repositoryName.MatchString(*name) {
		return nil
	}
	return []validation.Problem{{
		Prop:  "RepositoryName",
		Wrong: fmt.Sprintf("%q is not the name of an ECR repository", *name),
		Fix:   "use 2 to 256 lower-case letters, digits, '.', '_', '-' and '/', such as team/cache",
	}}
}

func checkArn(arn *string) *validation.Problem {
	if validation.IsLiteral(arn) && repositoryArn.MatchString(*arn) {
		return nil
	}
	wrong := "is missing or not known at synthesis"
	if validation.IsLiteral(arn) {
		wrong = fmt.Sprintf("%q is not the ARN of an ECR repository", *arn)
	}
	return &validation.Problem{
		Prop:  "RepositoryArn",
		Wrong: wrong,
		Fix:   "give arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME, or import by name with CacheRepository_FromCacheRepositoryAttributes",
	}
}

func checkParties(prop string, parties *[]*Party) []validation.Problem {
	if parties == nil {
		return nil
	}
	var problems []validation.Problem
	for i, p := range *parties {
		for _, problem := range CheckParty(p) {
			at := fmt.Sprintf("%s[%d]", prop, i)
			if problem.Prop != "" {
				at += "." + problem.Prop
			}
			problem.Prop = at
			problems = append(problems, problem)
		}
	}
	return problems
}

// CheckParty returns the problems of a party. The Prop of a problem is the name of the field, or "" for the
// whole party.
func CheckParty(p *Party) []validation.Problem {
	if p == nil || p.Account == nil && p.OrganizationID == nil && p.OrganizationPaths == nil {
		return []validation.Problem{{Wrong: "would allow everybody", Fix: "set Account, OrganizationID or OrganizationPaths"}}
	}
	problems := checkOrganizationPaths(p.OrganizationPaths)
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

func checkOrganizationPaths(paths *[]*string) validation.Problems {
	const prop, fix = "OrganizationPaths", "give paths such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
	switch {
	case paths == nil:
		return nil
	case len(*paths) == 0:
		return []validation.Problem{{Prop: prop, Wrong: "is empty", Fix: fix}}
	}
	var problems validation.Problems
	for i, path := range *paths {
		if path == nil || validation.IsLiteral(path) && !organizationPath.MatchString(*path) {
			problems.Add(fmt.Sprintf("%s[%d]", prop, i), fmt.Sprintf("%q has the wrong form", text(path)), fix)
		}
	}
	return problems
}
