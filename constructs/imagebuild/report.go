package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// reportName is the report group in buildspecs/reports.yml. CodeBuild puts the
// project's name before it.
const reportName = "layercache"

// addReports makes the report group before a build would, so that the role
// need not make one. Its statement is a policy of its own, as it names the
// project, which waits for the role's default policy:
// https://docs.aws.amazon.com/codebuild/latest/userguide/test-permissions.html.
func (u *unit) addReports() {
	if !isTrue(u.props.Reports) {
		return
	}
	group := awscodebuild.NewCfnReportGroup(u.scope, jsii.String("Reports"), &awscodebuild.CfnReportGroupProps{
		Name:          awscdk.Fn_Join(jsii.String("-"), &[]*string{u.project.ProjectName(), jsii.String(reportName)}),
		Type:          jsii.String("TEST"),
		DeleteReports: jsii.Bool(true),
		ExportConfig:  &awscodebuild.CfnReportGroup_ReportExportConfigProperty{ExportConfigType: jsii.String("NO_EXPORT")},
	})
	awsiam.NewPolicy(u.scope, jsii.String("ReportPolicy"), &awsiam.PolicyProps{
		Roles: &[]awsiam.IRole{u.role},
		Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("codebuild:CreateReport", "codebuild:UpdateReport", "codebuild:BatchPutTestCases"),
			Resources: &[]*string{group.AttrArn()},
		})},
	})
}
