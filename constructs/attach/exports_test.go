package attach_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestExportsOfACache(t *testing.T) {
	stack := synthtest.Stack()
	made := attach.NewExports(stack, jsii.String("Exports"), &attach.ExportsProps{
		HelperZip: helperZip,
		Caches: map[string]cacherepo.ICacheRepository{
			"prod": cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{RepositoryName: jsii.String("caches")}),
		},
	})
	require.Empty(t, synthtest.Errors(stack))
	assert.NotNil(t, made.WritePolicy(jsii.String("prod")))
	assert.NotNil(t, made.ReadPolicy(jsii.String("prod")))
	assert.Nil(t, made.ReadPolicy(jsii.String("dev")))
	assert.Empty(t, synthtest.Infos(stack), "the policies are in the account of the caches")

	outputs := (*assertions.Template_FromStack(stack, nil).ToJSON())["Outputs"].(map[string]any)
	var exports []string
	for _, output := range outputs {
		exports = append(exports, output.(map[string]any)["Export"].(map[string]any)["Name"].(string))
	}
	assert.ElementsMatch(t, []string{"layercache:prod:repository", "layercache:prod:write-policy", "layercache:prod:read-policy"}, exports)

	parameters := map[string]string{}
	for _, parameter := range synthtest.Resources(stack, "AWS::SSM::Parameter") {
		p := parameter["Properties"].(map[string]any)
		parameters[p["Name"].(string)] = synthtest.Text(p["Value"])
	}
	require.Len(t, parameters, 2)
	const location = `^s3://cdk-hnb659fds-assets-\$\{AWS::AccountId\}-\$\{AWS::Region\}/[0-9a-f]{64}\.zip$`
	assert.Regexp(t, location, parameters["/layercache/helper/amd64"])
	assert.Regexp(t, location, parameters["/layercache/helper/arm64"])

	policies := synthtest.Resources(stack, "AWS::IAM::ManagedPolicy")
	require.Len(t, policies, 2)
	pushing := 0
	for id, policy := range policies {
		statements := synthtest.Statements(policy["Properties"].(map[string]any)["PolicyDocument"])
		require.GreaterOrEqual(t, len(statements), 4, id)
		assert.Equal(t, "Allow ecr:GetAuthorizationToken on *", statements[0])
		if statements[1] != "Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer on ${CacheRepository8754AB2F.Arn}" {
			pushing++
			assert.Contains(t, statements[1], "ecr:PutImage")
		}
		for _, statement := range statements[2:] {
			assert.Regexp(t, `^Allow (s3:GetObject on arn:\$\{AWS::Partition\}:s3:::\S+/[0-9a-f]{64}\.zip|ssm:GetParameters on arn:\$\{AWS::Partition\}:ssm:\S+:parameter\$\{Exportshelper\S+)$`, statement, id)
		}
	}
	assert.Equal(t, 1, pushing)
}

func TestProblemsOfExports(t *testing.T) {
	stack := synthtest.Stack()
	attach.NewExports(stack, jsii.String("Empty"), nil)
	attach.NewExports(stack, jsii.String("Wrong"), &attach.ExportsProps{
		Prefix: jsii.String("Team"), HelperZip: jsii.String("no-{arch}.zip"), Caches: map[string]cacherepo.ICacheRepository{"a:b": nil},
	})
	const zip = "is not a file; give the path of a zip with layercache and buildkitd, or leave it out to compile both"
	assert.Equal(t, []string{
		"Test/Empty: Caches: is missing; give at least one cacherepo.CacheRepository",
		`Test/Wrong: Prefix: "Team" has the wrong form; use lower-case letters, digits and '-'`,
		`Test/Wrong: Caches["a:b"]: has a name of the wrong form; use lower-case letters, digits and '-'`,
		`Test/Wrong: Caches["a:b"]: is missing; give a cacherepo.CacheRepository`,
		`Test/Wrong: HelperZip: "no-amd64.zip" ` + zip,
		`Test/Wrong: HelperZip: "no-arm64.zip" ` + zip,
	}, synthtest.Errors(stack))
}
