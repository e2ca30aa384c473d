package cacherepo

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// subject is what is known at synthesis of the principal that gets a grant.
type subject struct {
	// account is the account of the principal; it may be a token, and nil where
	// nothing tells.
	account *string
	// arn is the principal's ARN, where it is known.
	arn string
	// construct is the principal, where it is a construct.
	construct constructs.IConstruct
	// wholeAccount is true for an account as the grantee, everybody for
	// everybody.
	wholeAccount, everybody bool
	// home is what the stack of the principal shares, where it is known to be
	// that of the CacheRepository.
	home *perstack.Shared
	// foreign is true for a role that is imported into a stack of another
	// account: the CDK takes statements for its policy and drops them.
	foreign bool
}

var principalArn = regexp.MustCompile(`^arn:[a-z0-9-]+:(?:iam|sts)::([0-9]{12}):(.+)$`)

// subjectOf asks no more than is needed: each question to the CDK's process
// takes time, with every build. A role that this app makes is neither everybody
// nor foreign.
func (c *CacheRepository) subjectOf(principal awsiam.IPrincipal) subject {
	if role, ok := principal.(awsiam.Role); ok && c.shared.Made(role) {
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

// readName reads the principal as a policy names it.
func (s *subject) readName(name *string, conditions bool) {
	s.everybody = *name == "*" && !conditions
	if match := principalArn.FindStringSubmatch(*name); match != nil {
		s.account = jsii.String(match[1])
		if match[2] != "root" {
			s.arn = *name
		}
	}
}

// region is that of the stack of a principal of this app, else nil.
func (s *subject) region() *string {
	switch {
	case s.home != nil:
		return s.home.Region()
	case s.construct == nil:
		return nil
	}
	return awscdk.Stack_Of(s.construct).Region()
}

// role is PATH and NAME of a role that this app makes, or its PATH and "*" where
// CloudFormation makes the name; "" for a path of "/" and no name, and for other
// principals.
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

// conditions narrow a statement on the account to the subject.
func (s *subject) conditions(scope constructs.IConstruct) *map[string]any {
	arn := s.arn
	if role := s.role(); role != "" {
		arn = *roleArn(awscdk.Stack_Of(scope), s.account, role)
	}
	if arn == "" {
		return nil
	}
	return &map[string]any{"ArnLike": map[string]any{"aws:PrincipalArn": arn}}
}

// roleArn is the ARN of roles; path begins with a slash and may end with "*".
func roleArn(stack awscdk.Stack, account *string, path string) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service:   jsii.String("iam"),
		Region:    jsii.String(""),
		Account:   account,
		Resource:  jsii.String("role" + path),
		ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME,
	})
}
