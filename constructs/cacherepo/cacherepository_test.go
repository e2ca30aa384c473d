package cacherepo_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/internal/synthtest"
)

const pull = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer"

const push = pull + " ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage"

func TestMain(m *testing.M) { synthtest.Main(m) }

func newRole(stack awscdk.Stack) awsiam.Role {
	return awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
	})
}

func TestByDefaultARepositoryHoldsOnlyCaches(t *testing.T) {
	stack := synthtest.Stack()
	cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)

	rules, _ := lifecycle.Render("", lifecycle.CacheRules())
	resource := synthtest.Resource(t, stack, "AWS::ECR::Repository")
	assert.Equal(t, map[string]any{
		"EmptyOnDelete":      true,
		"ImageTagMutability": "MUTABLE",
		"LifecyclePolicy":    map[string]any{"LifecyclePolicyText": rules},
	}, resource["Properties"])
	assert.Equal(t, "Delete", resource["DeletionPolicy"])
	assert.Equal(t, "Delete", resource["UpdateReplacePolicy"])
	assert.Empty(t, synthtest.Errors(stack))
}

func TestPropsOfACacheRepositoryReachTheTemplate(t *testing.T) {
	stack := synthtest.Stack()
	cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{
		RepositoryName: jsii.String("team/cache"),
		LifecycleRules: &[]*lifecycle.Rule{{MaxCount: jsii.Number(9)}},
		RemovalPolicy:  awscdk.RemovalPolicy_RETAIN,
	})

	resource := synthtest.Resource(t, stack, "AWS::ECR::Repository")
	assert.Equal(t, map[string]any{
		"EmptyOnDelete":      false,
		"ImageTagMutability": "MUTABLE",
		"LifecyclePolicy": map[string]any{
			"LifecyclePolicyText": `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}]}`,
		},
		"RepositoryName": "team/cache",
	}, resource["Properties"])
	assert.Equal(t, "Retain", resource["DeletionPolicy"])
}

func TestGrants(t *testing.T) {
	for name, c := range map[string]struct {
		grant func(cacherepo.ICacheRepository, awsiam.IGrantable)
		want  []string
	}{
		"reading is login and pull": {
			func(c cacherepo.ICacheRepository, g awsiam.IGrantable) { c.GrantRead(g) },
			[]string{"Allow ecr:GetAuthorizationToken on *", "Allow " + pull + " on ${CacheRepository8754AB2F.Arn}"},
		},
		"writing is login, pull and push": {
			func(c cacherepo.ICacheRepository, g awsiam.IGrantable) { c.GrantWrite(g) },
			[]string{"Allow ecr:GetAuthorizationToken on *", "Allow " + push + " on ${CacheRepository8754AB2F.Arn}"},
		},
		"two grants add the login statement once": {
			func(c cacherepo.ICacheRepository, g awsiam.IGrantable) { c.GrantRead(g); c.GrantRead(g) },
			[]string{"Allow ecr:GetAuthorizationToken on *", "Allow " + pull + " on ${CacheRepository8754AB2F.Arn}"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			c.grant(cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil), newRole(stack))
			assert.Equal(t, c.want, synthtest.RolePolicy(t, stack))
			assert.NotContains(t, synthtest.Properties(t, stack, "AWS::ECR::Repository"), "RepositoryPolicyText")
		})
	}
}

func TestGrantsOnAnImportedRepositoryNameItsAccountAndRegion(t *testing.T) {
	for name, c := range map[string]struct {
		from func(awscdk.Stack) cacherepo.ICacheRepository
		arn  string
		uri  string
	}{
		"by name in the stack's own account": {
			func(s awscdk.Stack) cacherepo.ICacheRepository {
				return cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("Cache"), &cacherepo.CacheRepositoryAttributes{RepositoryName: jsii.String("team/cache")})
			},
			"arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/team/cache",
			"${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/team/cache",
		},
		"by name in another account": {
			func(s awscdk.Stack) cacherepo.ICacheRepository {
				return cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("Cache"), &cacherepo.CacheRepositoryAttributes{
					RepositoryName: jsii.String("team/cache"), Account: jsii.String("111111111111"), Region: jsii.String("eu-central-1"),
				})
			},
			"arn:${AWS::Partition}:ecr:eu-central-1:111111111111:repository/team/cache",
			"111111111111.dkr.ecr.eu-central-1.${AWS::URLSuffix}/team/cache",
		},
		"by ARN": {
			func(s awscdk.Stack) cacherepo.ICacheRepository {
				return cacherepo.CacheRepository_FromCacheRepositoryArn(s, jsii.String("Cache"), jsii.String("arn:aws-cn:ecr:cn-north-1:111111111111:repository/team/cache"))
			},
			"arn:aws-cn:ecr:cn-north-1:111111111111:repository/team/cache",
			"111111111111.dkr.ecr.cn-north-1.${AWS::URLSuffix}/team/cache",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			cache := c.from(stack)
			cache.GrantWrite(newRole(stack))
			awscdk.NewCfnOutput(stack, jsii.String("Uri"), &awscdk.CfnOutputProps{Value: cache.RepositoryUri()})

			assert.Equal(t, []string{"Allow ecr:GetAuthorizationToken on *", "Allow " + push + " on " + c.arn}, synthtest.RolePolicy(t, stack))
			assert.Equal(t, c.uri, synthtest.Output(stack, "Uri"))
			assert.Equal(t, "team/cache", *cache.RepositoryName())
			assert.Empty(t, synthtest.Errors(stack))
		})
	}
}

func TestReadersAndWritersOfOtherAccounts(t *testing.T) {
	stack := synthtest.Stack()
	cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{
		Readers: &[]*access.Party{
			{OrganizationID: jsii.String("o-a1b2c3d4e5")},
			{OrganizationID: jsii.String("o-a1b2c3d4e5"), RolePath: jsii.String("/ci/")},
		},
		Writers: &[]*access.Party{
			{Account: jsii.String("111111111111")},
			{Account: jsii.String("222222222222"), RolePath: jsii.String("/ci/release/")},
		},
	})

	assert.Equal(t, []string{
		"Allow " + pull + " to AWS=* if StringEquals=aws:PrincipalOrgID=o-a1b2c3d4e5",
		"Allow " + pull + " to AWS=* if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::*:role/ci/*,StringEquals=aws:PrincipalOrgID=o-a1b2c3d4e5",
		"Allow " + push + " to AWS=arn:${AWS::Partition}:iam::111111111111:root",
		"Allow " + push + " to AWS=arn:${AWS::Partition}:iam::222222222222:root if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::222222222222:role/ci/release/*",
	}, synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::Repository")["RepositoryPolicyText"]))
}

func TestEveryProblemOfTheProps(t *testing.T) {
	for name, c := range map[string]struct {
		make func(awscdk.Stack)
		want []string
	}{
		"of a new repository, all at once": {
			func(s awscdk.Stack) {
				cacherepo.NewCacheRepository(s, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{
					RepositoryName: jsii.String("Team/Cache"),
					LifecycleRules: &[]*lifecycle.Rule{{}},
					Readers:        &[]*access.Party{nil, {}, {RolePath: jsii.String("/ci/")}},
					Writers:        &[]*access.Party{{Account: jsii.String("*"), OrganizationID: jsii.String("*"), RolePath: jsii.String("ci*")}},
				})
			},
			[]string{
				`Test/Cache: LifecycleRules[0]: needs exactly one of MaxCount, MaxDaysSincePush, MaxDaysSincePull and MaxDaysSinceTransition; set one of them`,
				`Test/Cache: RepositoryName: "Team/Cache" is not the name of an ECR repository; use 2 to 256 lower-case letters and digits with one '/', '.', '_' or '-' between them, such as team/cache`,
				`Test/Cache: Readers[0]: would allow everybody; set Account, OrganizationID or OrganizationPaths`,
				`Test/Cache: Readers[1]: would allow everybody; set Account, OrganizationID or OrganizationPaths`,
				`Test/Cache: Readers[2]: would allow everybody; set Account, OrganizationID or OrganizationPaths`,
				`Test/Cache: Writers[0].Account: "*" has the wrong form; give the 12 digits of the account`,
				`Test/Cache: Writers[0].OrganizationID: "*" has the wrong form; give the organization's id, such as o-a1b2c3d4e5`,
				`Test/Cache: Writers[0].RolePath: "ci*" has the wrong form; give a path that starts and ends with a slash, such as /ci/release/`,
			},
		},
		"of an import without a name": {
			func(s awscdk.Stack) {
				cacherepo.CacheRepository_FromCacheRepositoryAttributes(s, jsii.String("Cache"), nil)
			},
			[]string{"Test/Cache: RepositoryName: is missing; give the name of the cache repository"},
		},
		"of an import by an invalid ARN": {
			func(s awscdk.Stack) {
				cacherepo.CacheRepository_FromCacheRepositoryArn(s, jsii.String("Cache"), jsii.String("team/cache"))
			},
			[]string{`Test/Cache: RepositoryArn: "team/cache" is not the ARN of an ECR repository; give arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME, or import by name with CacheRepository_FromCacheRepositoryAttributes`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			c.make(stack)
			assert.Equal(t, c.want, synthtest.Errors(stack))
		})
	}
}
