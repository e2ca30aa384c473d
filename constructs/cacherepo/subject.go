package cacherepo

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// subject is what is known at synthesis of the principal that gets a grant.
type subject struct {
	// account is the account of the principal; it may be a token, and nil where
	// nothing tells.
	account *string
	// region is that of the stack of a principal of this app, else nil.
	region *string
	// arn is the principal's ARN, where it is known.
	arn string
	// role is PATH and NAME of a role of this app, or its PATH and "*" where
	// CloudFormation makes the name; "" for a path of "/" and no name.
	role string
	// wholeAccount is true for an account as the grantee, everybody for
	// everybody.
	wholeAccount, everybody bool
	// foreign is true for a role that is imported into a stack of another
	// account: the CDK takes statements for its policy and drops them.
	foreign bool
}

var principalArn = regexp.MustCompile(`^arn:[a-z0-9-]+:(?:iam|sts)::([0-9]{12}):(.+)$`)

func subjectOf(principal awsiam.IPrincipal) subject {
	s := subject{account: principal.PrincipalAccount()}
	fragment := principal.PolicyFragment()
	if aws, ok := (*fragment.PrincipalJson())["AWS"]; ok && len(*aws) == 1 {
		s.readName((*aws)[0], len(*fragment.Conditions()) > 0)
	}
	construct, ok := principal.(constructs.IConstruct)
	if !ok {
		s.wholeAccount = s.arn == ""
		return s
	}
	s.readRole(construct)
	s.region = awscdk.Stack_Of(construct).Region()
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

// readRole reads path and name of a role that this app makes.
func (s *subject) readRole(construct constructs.IConstruct) {
	role, ok := construct.Node().DefaultChild().(awsiam.CfnRole)
	if !ok {
		return
	}
	path, name := "/", "*"
	if validation.IsLiteral(role.Path()) {
		path = *role.Path()
	}
	if validation.IsLiteral(role.RoleName()) {
		name = *role.RoleName()
	}
	if path+name != "/*" && s.arn == "" {
		s.role = path + name
	}
}

// conditions narrow a statement on the account to the subject.
func (s *subject) conditions(scope constructs.IConstruct) *map[string]any {
	arn := s.arn
	if arn == "" && s.role != "" {
		arn = *roleArn(awscdk.Stack_Of(scope), s.account, s.role)
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
