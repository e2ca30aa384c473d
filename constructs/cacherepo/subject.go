package cacherepo

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// subject describes the principal of a grant, as far as it is known at synthesis.
type subject struct {
	// account is the principal's account. It may be a token, and is nil if unknown.
	account *string
	// arn is the principal's ARN, or "" if unknown.
	arn string
	// construct is the principal if it is a construct, else nil.
	construct constructs.IConstruct
	// wholeAccount reports whether the grantee is an account, everybody whether it is "*".
	wholeAccount, everybody bool
	// home is the CacheRepository's stack if the principal is known to be in it, else nil.
	home *perstack.Shared
	// foreign reports whether the principal is a role imported into a stack of another account. The CDK
	// accepts statements for its policy and drops them.
	foreign bool
}

var principalArn = regexp.MustCompile(`^arn:[a-z0-9-]+:(?:iam|sts)::([0-9]{12}):(.+)$`)

// subjectOf makes as few calls to the CDK's process as possible, because they take time for every build. A
// role of this app is neither everybody nor foreign.
func (c *CacheRepository) subjectOf(principal awsiam.IPrincipal) subject {
	if role, ok := principal.(awsiam.Role); ok && c.shared.Adopted(role) {
		return subject{account: c.shared.Account(), construct: role, home: c.shared}
	}
	s := subject{account: principal.PrincipalAccount()}
	if role, ok := principal.(awsiam.Role); ok {
		s.construct = role
		return s
	}
	fragment := principal.PolicyFragment()
	if aws, ok := (*fragment.PrincipalJson())["AWS"]; ok && len(*aws) == 1 {
		s.readName((*aws)[0], len(*fragment.Conditions()) > 0)
	}
	construct, ok := principal.(constructs.IConstruct)
	if !ok {
		s.wholeAccount = s.arn == ""
		return s
	}
	s.construct = construct
	s.foreign = differ(awscdk.Stack_Of(construct).Account(), s.account)
	return s
}

// readName sets everybody, account and arn from the principal's name in a policy.
func (s *subject) readName(name *string, conditions bool) {
	s.everybody = *name == "*" && !conditions
	if match := principalArn.FindStringSubmatch(*name); match != nil {
		s.account = jsii.String(match[1])
		if match[2] != "root" {
			s.arn = *name
		}
	}
}

// region returns the region of the principal's stack, or nil if the principal is not in this app.
func (s *subject) region() *string {
	switch {
	case s.home != nil:
		return s.home.Region()
	case s.construct == nil:
		return nil
	}
	return awscdk.Stack_Of(s.construct).Region()
}

// role returns the path and name of a role of this app, with "*" for a name that CloudFormation generates. It
// returns "" for a role with neither path nor name, and for other principals.
func (s *subject) role() string {
	if s.arn != "" || s.construct == nil {
		return ""
	}
	role, ok := s.construct.Node().DefaultChild().(awsiam.CfnRole)
	if !ok {
		return ""
	}
	path, name := "/", "*"
	if validation.IsLiteral(role.Path()) {
		path = *role.Path()
	}
	if validation.IsLiteral(role.RoleName()) {
		name = *role.RoleName()
	}
	if path+name == "/*" {
		return ""
	}
	return path + name
}

// conditions narrows a statement for the whole account to the subject.
func (s *subject) conditions(scope constructs.IConstruct) *map[string]any {
	arn := s.arn
	if role := s.role(); role != "" {
		arn = *access.RoleArn(awscdk.Stack_Of(scope), s.account, role)
	}
	if arn == "" {
		return nil
	}
	return &map[string]any{"ArnLike": map[string]any{"aws:PrincipalArn": arn}}
}
