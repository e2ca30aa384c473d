package helperasset_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

func TestAPrebuiltZipIsUsedUnchanged(t *testing.T) {
	_, zip := synthtest.File(t, "helper.zip", "helper")
	assert.Empty(t, helperasset.Check(&zip))
	path, problem := helperasset.Zip(&zip, "amd64")
	assert.Nil(t, problem)
	assert.Equal(t, zip, path)
}

func TestEveryProblemOfAZip(t *testing.T) {
	assert.Empty(t, helperasset.Check(nil))
	problems := helperasset.Check(jsii.String("no/such.zip"))
	require.Len(t, problems, 1)
	assert.Equal(t, `HelperZip: "no/such.zip" is not a file; give the path of a zip with layercache and buildkitd, or leave it out to compile both`, problems[0].String())

	_, problem := helperasset.Zip(nil, "riscv64")
	require.NotNil(t, problem)
	assert.Equal(t, "HelperZip: there is no helper for linux/riscv64; use amd64 or arm64", problem.String())
}

func TestTheRoleMayReadOnlyTheZip(t *testing.T) {
	for name, c := range map[string]struct {
		primary bool
		want    any
	}{
		"of a primary source, which has no identifier":            {true, nil},
		"of a secondary source, which the buildspec finds by one": {false, "layercache"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			_, zip := synthtest.File(t, "helper.zip", "helper")
			role := awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
				AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
			})
			props := &awscodebuild.ProjectProps{Role: role.WithoutPolicyUpdates(nil), GrantReportGroupPermissions: jsii.Bool(false)}
			if c.primary {
				props.Source = helperasset.PrimarySource(perstack.SharedOf(stack), role, zip)
			} else {
				props.Source = awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("o"), Repo: jsii.String("r")})
				props.SecondarySources = &[]awscodebuild.ISource{helperasset.Source(perstack.SharedOf(stack), role, zip)}
			}
			awscodebuild.NewProject(stack, jsii.String("Project"), props)

			p := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
			source := p["Source"].(map[string]any)
			if !c.primary {
				source = p["SecondarySources"].([]any)[0].(map[string]any)
			}
			assert.Equal(t, "S3", source["Type"])
			assert.Equal(t, c.want, source["SourceIdentifier"])
			assert.Equal(t, []string{
				"Allow s3:GetObject s3:GetObjectVersion on arn:${AWS::Partition}:s3:::" + synthtest.Text(source["Location"]),
				"Allow s3:GetBucketAcl s3:GetBucketLocation on arn:${AWS::Partition}:s3:::cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}",
			}, synthtest.RolePolicy(t, stack))
		})
	}
}
