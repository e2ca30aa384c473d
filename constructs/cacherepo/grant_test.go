package cacherepo_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/internal/synthtest"
)

const (
	cacheAccount = "111111111111"
	buildAccount = "222222222222"
	arnOfCache   = "arn:${AWS::Partition}:ecr:eu-central-1:111111111111:repository/team/cache"
)

// accounts returns two stacks of one app in different accounts, for a cache and for builds.
func accounts() (cache, build awscdk.Stack) {
	app := awscdk.NewApp(nil)
	stack := func(id, account string) awscdk.Stack {
		return awscdk.NewStack(app, jsii.String(id), &awscdk.StackProps{
			Env: &awscdk.Environment{Account: jsii.String(account), Region: jsii.String("eu-central-1")},
		})
	}
	return stack("Cache", cacheAccount), stack("Build", buildAccount)
}

// notes returns the infos and warnings of a stack.
func notes(stack awscdk.Stack) []string {
	return append(synthtest.Infos(stack), synthtest.Warnings(stack)...)
}

func TestAGrantBetweenAccountsWritesBothPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		role      awsiam.RoleProps
		condition string
		notes     []string
	}{
		"narrowed to a role by its name": {
			awsiam.RoleProps{RoleName: jsii.String("builder"), Path: jsii.String("/ci/")},
			" if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::222222222222:role/ci/builder", nil,
		},
		"narrowed to the path of a role with a generated name": {
			awsiam.RoleProps{Path: jsii.String("/ci/")},
			" if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::222222222222:role/ci/*", nil,
		},
		"to the account, with a warning, for a role with neither": {
			awsiam.RoleProps{}, "",
			[]string{"GrantWrite: the repository policy allows all of account 222222222222, whose administrators decide who uses it, because the role has neither a name nor a path; give the role a RoleName or a Path"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cacheStack, buildStack := accounts()
			cache := cacherepo.NewCacheRepository(cacheStack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{RepositoryName: jsii.String("team/cache")})
			c.role.AssumedBy = awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil)
			cache.GrantWrite(awsiam.NewRole(buildStack, jsii.String("Role"), &c.role))

			assert.Equal(t, []string{"Allow ecr:GetAuthorizationToken on *", "Allow " + push + " on " + arnOfCache}, synthtest.RolePolicy(t, buildStack))
			assert.Equal(t, []string{"Allow " + push + " to AWS=arn:${AWS::Partition}:iam::222222222222:root" + c.condition},
				synthtest.Statements(synthtest.Properties(t, cacheStack, "AWS::ECR::Repository")["RepositoryPolicyText"]))
			assert.Equal(t, c.notes, notes(cacheStack))
			assert.Empty(t, synthtest.Errors(cacheStack))
			assert.NotContains(t, *assertions.Template_FromStack(cacheStack, nil).ToJSON(), "Outputs", "the stack has no exports")
		})
	}
}

func TestAGrantPrintsWhatTheOtherAccountMustAllow(t *testing.T) {
	const must = "GrantRead: the account of the grantee must give %s a policy that allows ecr:GetAuthorizationToken on * and ecr:BatchGetImage, ecr:GetDownloadUrlForLayer on " + arnOfCache
	for name, c := range map[string]struct {
		grantee func(awscdk.Stack) awsiam.IGrantable
		policy  string
		who     string
	}{
		"for an imported role of the account": {
			func(s awscdk.Stack) awsiam.IGrantable {
				return awsiam.Role_FromRoleArn(s, jsii.String("Role"), jsii.String("arn:aws:iam::222222222222:role/ci/builder"), nil)
			},
			"AWS=arn:${AWS::Partition}:iam::222222222222:root if ArnLike=aws:PrincipalArn=arn:aws:iam::222222222222:role/ci/builder",
			"arn:aws:iam::222222222222:role/ci/builder",
		},
		"for a role known only by its ARN": {
			func(awscdk.Stack) awsiam.IGrantable {
				return awsiam.NewArnPrincipal(jsii.String("arn:aws:iam::222222222222:role/ci/builder"))
			},
			"AWS=arn:${AWS::Partition}:iam::222222222222:root if ArnLike=aws:PrincipalArn=arn:aws:iam::222222222222:role/ci/builder",
			"arn:aws:iam::222222222222:role/ci/builder",
		},
		"for the account": {
			func(awscdk.Stack) awsiam.IGrantable { return awsiam.NewAccountPrincipal(buildAccount) },
			"AWS=arn:${AWS::Partition}:iam::222222222222:root", "account 222222222222",
		},
		"for an organization": {
			func(awscdk.Stack) awsiam.IGrantable {
				return awsiam.NewOrganizationPrincipal(jsii.String("o-a1b2c3d4e5"))
			},
			"AWS=* if StringEquals=aws:PrincipalOrgID=o-a1b2c3d4e5", "the principals that the repository policy allows",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack, _ := accounts()
			cache := cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{RepositoryName: jsii.String("team/cache")})
			cache.GrantRead(c.grantee(stack))

			assert.Equal(t, []string{"Allow " + pull + " to " + c.policy},
				synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::Repository")["RepositoryPolicyText"]))
			assert.Equal(t, []string{fmt.Sprintf(must, c.who)}, notes(stack))
			assert.Empty(t, synthtest.Errors(stack))
		})
	}
}

func TestAGrantOnARepositoryOfAnotherAccountPrintsWhatItsPolicyMustAllow(t *testing.T) {
	for name, c := range map[string]struct {
		allows *bool
		want   []string
	}{
		"not with PolicyAllows": {jsii.Bool(true), nil},
		"by default": {nil, []string{
			"GrantRead: the policy of " + arnOfCache + " must allow ecr:BatchGetImage, ecr:GetDownloadUrlForLayer to account 222222222222" +
				" (aws:PrincipalArn arn:${AWS::Partition}:iam::222222222222:role/ci/*); add it to CacheRepositoryProps.Readers there, or set CacheRepositoryAttributes.PolicyAllows if the policy already allows it",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, stack := accounts()
			cache := cacherepo.CacheRepository_FromCacheRepositoryAttributes(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryAttributes{
				RepositoryName: jsii.String("team/cache"), Account: jsii.String(cacheAccount), PolicyAllows: c.allows,
			})
			cache.GrantRead(awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
				Path: jsii.String("/ci/"), AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
			}))
			assert.Equal(t, c.want, notes(stack))
			assert.Equal(t, []string{"Allow ecr:GetAuthorizationToken on *", "Allow " + pull + " on " + arnOfCache}, synthtest.RolePolicy(t, stack))
		})
	}
}

func TestGrantsThatCannotWorkStopTheSynthesis(t *testing.T) {
	imported := func(s awscdk.Stack) cacherepo.ICacheRepository {
		return cacherepo.CacheRepository_FromCacheRepositoryArn(s, jsii.String("Cache"), jsii.String("arn:aws:ecr:eu-central-1:111111111111:repository/team/cache"))
	}
	for name, c := range map[string]struct {
		do   func(awscdk.Stack)
		want string
	}{
		"to a grantee without a policy, on an imported repository": {
			func(s awscdk.Stack) { imported(s).GrantWrite(awsiam.NewAccountPrincipal(buildAccount)) },
			"GrantWrite: has no effect: the grantee has no policy in this app, and the policy of an imported repository belongs to the stack that creates it; add the grantee to CacheRepositoryProps.Writers there",
		},
		"to a role of a third account, on an imported repository": {
			func(s awscdk.Stack) {
				imported(s).GrantRead(awsiam.Role_FromRoleArn(s, jsii.String("Role"), jsii.String("arn:aws:iam::333333333333:role/builder"), nil))
			},
			"GrantRead: has no effect: the grantee has no policy in this app, and the policy of an imported repository belongs to the stack that creates it; add the grantee to CacheRepositoryProps.Readers there",
		},
		"by a statement for an imported repository": {
			func(s awscdk.Stack) {
				imported(s).AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
					Actions: jsii.Strings("ecr:BatchGetImage"), Principals: &[]awsiam.IPrincipal{awsiam.NewAccountPrincipal(buildAccount)},
				}))
			},
			"AddToResourcePolicy: has no effect on an imported repository: its policy belongs to the stack that creates it; add the statement there, or set Readers and Writers of its CacheRepositoryProps",
		},
		"to everybody": {
			func(s awscdk.Stack) {
				cacherepo.NewCacheRepository(s, jsii.String("Cache"), nil).GrantRead(awsiam.NewAnyPrincipal())
			},
			"GrantRead: would allow everybody; grant to an account, an organization or a role",
		},
		"to another account, on a repository with a generated name": {
			func(s awscdk.Stack) {
				cacherepo.NewCacheRepository(s, jsii.String("Cache"), nil).GrantRead(awsiam.NewAccountPrincipal("333333333333"))
			},
			"GrantRead: the grantee is in another account or region, where a name that CloudFormation generates is not known; set CacheRepositoryProps.RepositoryName",
		},
		"to a role in another region, on a repository with a generated name": {
			func(s awscdk.Stack) {
				other := awscdk.NewStack(s.Node().Root().(awscdk.App), jsii.String("Other"), &awscdk.StackProps{
					Env: &awscdk.Environment{Account: jsii.String(buildAccount), Region: jsii.String("us-east-1")},
				})
				cacherepo.NewCacheRepository(s, jsii.String("Cache"), nil).GrantRead(newRole(other))
			},
			"GrantRead: the grantee is in another account or region, where a name that CloudFormation generates is not known; set CacheRepositoryProps.RepositoryName",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, stack := accounts()
			c.do(stack)
			assert.Equal(t, []string{"Build/Cache: " + c.want}, synthtest.Errors(stack))
		})
	}
}

func TestAddToResourcePolicyOfARepositoryOfThisApp(t *testing.T) {
	stack := synthtest.Stack()
	cache := cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)
	result := cache.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ecr:BatchGetImage"), Principals: &[]awsiam.IPrincipal{awsiam.NewAccountPrincipal(buildAccount)},
	}))
	assert.True(t, *result.StatementAdded)
	assert.Equal(t, []string{"Allow ecr:BatchGetImage to AWS=arn:${AWS::Partition}:iam::222222222222:root"},
		synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::Repository")["RepositoryPolicyText"]))
}
