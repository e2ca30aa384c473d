package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Accounts that no example deploys to.
const (
	organizationAccount = "444444444444"
	strangerAccount     = "999999999999"
)

// The organization of every account except the stranger's. The organizational units are those named in the
// example organization.
const organization = "o-a1b2c3d4e5"

var organizationalUnits = map[string]string{
	"222222222222": "ou-ab12-11111111",
	"333333333333": "ou-ab12-22222222",
	"555555555555": "ou-ab12-11111111",
	"666666666666": "ou-ab12-22222222",
}

// principal is someone who sends requests: a column of the matrix.
type principal struct {
	name string
	// arn is the ARN of a role, or the host name of a service.
	arn, account string
	// identity are the indexes of its identity policies in the matrix's documents.
	identity []int
	// fromTemplate reports whether a template creates the role.
	fromTemplate bool
	// source returns the resource that a service acts for when it assumes the role; nil for roles.
	source func(role target) (account, arn string)
}

// context returns the condition keys of a request by the principal.
func (p principal) context(of target) map[string]any {
	keys := map[string]any{}
	if p.source != nil {
		keys["aws:SourceAccount"], keys["aws:SourceArn"] = p.source(of)
		return keys
	}
	keys["aws:PrincipalArn"], keys["aws:PrincipalAccount"] = p.arn, p.account
	keys["aws:PrincipalOrgID"], keys["aws:PrincipalOrgPaths"] = "o-stranger00", []string{"o-stranger00/r-xy98/"}
	if p.account != strangerAccount {
		keys["aws:PrincipalOrgID"] = organization
		keys["aws:PrincipalOrgPaths"] = []string{fmt.Sprintf("%s/r-ab12/%s/", organization, organizationalUnits[p.account])}
	}
	if of.namespace != "" {
		keys["cloudwatch:namespace"] = of.namespace
	}
	return keys
}

// addRoles adds the roles of the templates.
func (w *matrix) addRoles(s stack) {
	for _, id := range s.ids("AWS::IAM::Role") {
		role := principal{name: w.label(s, id), arn: s.arnOf(id), account: s.account, fromTemplate: true}
		for _, policy := range s.ids("AWS::IAM::Policy") {
			properties := s.resources[policy].Properties
			if slices.Contains(s.resolve(properties["Roles"]).([]any), any(s.nameOf(id))) {
				role.identity = append(role.identity, w.add(w.label(s, policy)+" identity", s.resolve(properties["PolicyDocument"])))
			}
		}
		w.principals = append(w.principals, role)
		trust := w.add(role.name+" trust", s.resolve(s.resources[id].Properties["AssumeRolePolicyDocument"]))
		w.targets = append(w.targets, target{name: "role " + role.name, kind: "role", arn: role.arn, account: s.account, policy: &trust,
			user: w.userOf(s, id)})
	}
}

// userOf returns the ARN of the project, rule or function that a role is made for.
func (w *matrix) userOf(s stack, role string) string {
	for _, id := range s.ids("AWS::CodeBuild::Project") {
		if s.text(s.resources[id].Properties["ServiceRole"]) == s.arnOf(role) {
			return s.arnOf(id)
		}
	}
	if strings.HasPrefix(role, "LayercacheDeploy") || strings.HasPrefix(role, "LayercacheRollOut") {
		return s.arn("lambda", "function:"+role)
	}
	return s.arn("events", "rule/"+role)
}

// addPeople adds principals that the templates do not create, each with the widest policy that is plausible
// for it: refusals must come from the policies of the templates.
func (w *matrix) addPeople(builds []stack) {
	all := w.add("everything", statement("*", "*"))
	administrator := w.add("administrator of ECR", statement([]any{"ecr:*", "sts:AssumeRole"}, "*"))
	power := w.add("AmazonEC2ContainerRegistryPowerUser", statement([]any{
		"ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy",
		"ecr:DescribeRepositories", "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:InitiateLayerUpload",
		"ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
	}, "*"))
	seen := map[string]bool{}
	for _, s := range builds {
		if seen[s.account] {
			continue
		}
		seen[s.account] = true
		w.person(s, "developer"+w.suffix(s), s.account, "/Developer", administrator)
		w.person(s, "other project"+w.suffix(s), s.account, "/service-role/codebuild-other", power)
	}
	path := "/" + w.config + "/build/" + strings.Trim(strings.TrimPrefix(builds[0].name, w.config+"-build"), "-")
	path = strings.TrimSuffix(path, "/") + "/Builder"
	if w.name == "organization" {
		w.person(builds[0], "build elsewhere (dev unit)", "555555555555", path, all)
		w.person(builds[0], "build elsewhere (prod unit)", "666666666666", path, all)
	}
	w.person(builds[0], "same organization", organizationAccount, path, all)
	w.person(builds[0], "stranger", strangerAccount, path, all)
}

func (w *matrix) person(s stack, name, account, role string, policy int) {
	arn := fmt.Sprintf("arn:%s:iam::%s:role%s", s.partition, account, role)
	w.principals = append(w.principals, principal{name: name, arn: arn, account: account, identity: []int{policy}})
}

// services returns the services that may try to assume a role.
func services() []principal {
	elsewhere := func(t target) (string, string) {
		return strangerAccount, strings.Replace(t.user, t.account, strangerAccount, 1)
	}
	own := func(t target) (string, string) { return t.account, t.user }
	other := func(t target) (string, string) {
		return t.account, t.user[:strings.LastIndex(t.user, "/")+1] + "other"
	}
	return []principal{
		{name: "CodeBuild, its project", arn: "codebuild.amazonaws.com", source: own},
		{name: "CodeBuild, other project of the account", arn: "codebuild.amazonaws.com", source: other},
		{name: "CodeBuild, project elsewhere", arn: "codebuild.amazonaws.com", source: elsewhere},
		{name: "Lambda, its function", arn: "lambda.amazonaws.com", source: own},
		{name: "EventBridge, its rule", arn: "events.amazonaws.com", source: own},
		{name: "EventBridge, rule elsewhere", arn: "events.amazonaws.com", source: elsewhere},
	}
}

func statement(actions, resources any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Allow", "Action": actions, "Resource": resources},
	}}
}

// ids returns the logical IDs of the resources of a type, sorted.
func (s stack) ids(kind string) []string {
	var found []string
	for _, id := range slices.Sorted(maps.Keys(s.resources)) {
		if s.resources[id].Type == kind {
			found = append(found, id)
		}
	}
	return found
}
