package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// indexComputeType is the size of the machine that joins the platforms' images,
// as image-batch.yml has it.
const indexComputeType = "BUILD_GENERAL1_SMALL"

// batchBuilds are the builds of a batch: one for each platform, and the index.
const batchBuilds = 3

// computeTypeNames are CodeBuild's names of the sizes.
var computeTypeNames = map[awscodebuild.ComputeType]string{
	awscodebuild.ComputeType_SMALL:    "BUILD_GENERAL1_SMALL",
	awscodebuild.ComputeType_MEDIUM:   "BUILD_GENERAL1_MEDIUM",
	awscodebuild.ComputeType_LARGE:    "BUILD_GENERAL1_LARGE",
	awscodebuild.ComputeType_X_LARGE:  "BUILD_GENERAL1_XLARGE",
	awscodebuild.ComputeType_X2_LARGE: "BUILD_GENERAL1_2XLARGE",
}

// addBatch lets CodeBuild run a batch, under a role of its own that a build
// cannot take: https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build.html.
func (u *unit) addBatch() {
	if !u.props.Build.batch() {
		return
	}
	role := serviceRole(u.scope, u.shared, "BatchRole", "codebuild.amazonaws.com", "Runs the builds of a batch (layercache)")
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("codebuild:StartBuild", "codebuild:StopBuild", "codebuild:RetryBuild"),
		ResourceArns: &[]*string{u.project.ProjectArn()},
	})
	types := []string{computeTypeNames[u.props.ComputeType]}
	if types[0] != indexComputeType {
		types = append(types, indexComputeType)
	}
	u.cfn().SetBuildBatchConfig(&awscodebuild.CfnProject_ProjectBuildBatchConfigProperty{
		ServiceRole: role.RoleArn(),
		Restrictions: &awscodebuild.CfnProject_BatchRestrictionsProperty{
			ComputeTypesAllowed:  jsii.Strings(types...),
			MaximumBuildsAllowed: jsii.Number(batchBuilds),
		},
	})
}
