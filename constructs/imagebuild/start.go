package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// GrantStart lets the grantee start release builds, see how they go and read
// their log; where IsBatch, start batches. Whoever starts a build may override
// its buildspec, so grant it to those whom you would lend the role.
func (b *ImageBuild) GrantStart(grantee awsiam.IGrantable) awsiam.Grant {
	actions := []string{"codebuild:StartBuild", "codebuild:BatchGetBuilds"}
	if b.batch {
		actions = []string{"codebuild:StartBuildBatch", "codebuild:BatchGetBuildBatches", "codebuild:BatchGetBuilds"}
	}
	project := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings(actions...),
		ResourceArns: &[]*string{b.release.project.ProjectArn()},
	})
	// LogGroup.Grant of newer CDKs also allows the ARN without ":*", which is for
	// tagging alone:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html.
	log := awsiam.Grant_AddToPrincipalOrResource(&awsiam.GrantWithResourceOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("logs:GetLogEvents", "logs:FilterLogEvents"),
		ResourceArns: &[]*string{b.release.logGroup.LogGroupArn()},
		Resource:     b.release.logGroup,
	})
	return project.Combine(log)
}

// OnBuildSucceeded makes a rule for release builds that succeed. In a batch the
// builds of the platforms and of the index succeed one by one; that of the index
// is the last.
func (b *ImageBuild) OnBuildSucceeded(id *string, options *awsevents.OnEventOptions) awsevents.Rule {
	return b.release.project.OnBuildSucceeded(id, options)
}

// OnBuildFailed makes a rule for release builds that fail, of a batch too.
func (b *ImageBuild) OnBuildFailed(id *string, options *awsevents.OnEventOptions) awsevents.Rule {
	return b.release.project.OnBuildFailed(id, options)
}
