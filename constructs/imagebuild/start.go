package imagebuild

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"
)

// GrantStart lets the grantee start release builds, or batches if IsBatch, and see their state and log. The
// start of a build can override its buildspec, so grant this only to principals that may have the permissions
// of Role.
func (b *ImageBuild) GrantStart(grantee awsiam.IGrantable) awsiam.Grant {
	actions := []string{"codebuild:StartBuild", "codebuild:BatchGetBuilds"}
	if b.IsBatch() {
		actions = []string{"codebuild:StartBuildBatch", "codebuild:BatchGetBuildBatches", "codebuild:BatchGetBuilds"}
	}
	project := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings(actions...),
		ResourceArns: &[]*string{b.release.project.ProjectArn()},
	})
	// LogGroup.Grant of newer CDKs also allows the ARN without ":*", which only tagging needs:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html.
	log := awsiam.Grant_AddToPrincipalOrResource(&awsiam.GrantWithResourceOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("logs:GetLogEvents", "logs:FilterLogEvents"),
		ResourceArns: &[]*string{b.release.logGroup.LogGroupArn()},
		Resource:     b.release.logGroup,
	})
	return project.Combine(log)
}

// OnBuildSucceeded makes a rule for release builds that succeed. The builds of a batch succeed one by one:
// first those of the platforms, then that of the index.
func (b *ImageBuild) OnBuildSucceeded(id *string, options *awsevents.OnEventOptions) awsevents.Rule {
	return b.release.project.OnBuildSucceeded(id, options)
}

// OnBuildFailed makes a rule for release builds that fail, including those of a batch.
func (b *ImageBuild) OnBuildFailed(id *string, options *awsevents.OnEventOptions) awsevents.Rule {
	return b.release.project.OnBuildFailed(id, options)
}

// starter is the target of EventBridge rules that starts a release build.
type starter struct {
	arn, roleArn *string
	// overrides is the name of the input's field that overrides variables.
	overrides string
}

// newStarter lets EventBridge start the project. EventBridge can start a single build itself. For a batch it
// runs a state machine with one step.
func (b *ImageBuild) newStarter() *starter {
	role := serviceRole(b, b.shared, "StartRole", "events.amazonaws.com", "Starts image builds from EventBridge (layercache)")
	if !b.IsBatch() {
		arn := b.release.project.ProjectArn()
		grantAction(role, "codebuild:StartBuild", arn)
		return &starter{arn: arn, roleArn: role.RoleArn(), overrides: "environmentVariablesOverride"}
	}
	machineRole := serviceRole(b, b.shared, "StartBatchRole", "states.amazonaws.com", "Starts batches of image builds (layercache)")
	grantAction(machineRole, "codebuild:StartBuildBatch", b.release.project.ProjectArn())
	machine := awsstepfunctions.NewCfnStateMachine(b, jsii.String("StartBatch"), &awsstepfunctions.CfnStateMachineProps{
		RoleArn: machineRole.RoleArn(),
		Definition: map[string]any{
			"Comment": "Starts a batch, which EventBridge cannot do itself",
			"StartAt": "StartBuildBatch",
			"States": map[string]any{"StartBuildBatch": map[string]any{
				"Type":     "Task",
				"Resource": *awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:states:::aws-sdk:codebuild:startBuildBatch"), nil),
				"Parameters": map[string]any{
					"ProjectName":                    b.release.project.ProjectName(),
					"EnvironmentVariablesOverride.$": "$.EnvironmentVariablesOverride",
				},
				"End": true,
			}},
		},
	})
	grantAction(role, "states:StartExecution", machine.AttrArn())
	return &starter{arn: machine.AttrArn(), roleArn: role.RoleArn(), overrides: "EnvironmentVariablesOverride"}
}

// target returns the target of a rule. With refresh, the build ignores the cache and replaces it.
func (s *starter) target(refresh bool) *[]*awsevents.CfnRule_TargetProperty {
	overrides := []map[string]string{}
	if refresh {
		name, value, kind := "name", "value", "type"
		if s.overrides == "EnvironmentVariablesOverride" {
			name, value, kind = "Name", "Value", "Type"
		}
		overrides = append(overrides, map[string]string{name: "LAYERCACHE_REFRESH", value: "true", kind: "PLAINTEXT"})
	}
	input, _ := json.Marshal(map[string]any{s.overrides: overrides})
	return &[]*awsevents.CfnRule_TargetProperty{{Id: jsii.String("Build"), Arn: s.arn, RoleArn: s.roleArn, Input: jsii.String(string(input))}}
}

// DefaultMetricsNamespace is the namespace of Metric if MetricsNamespace is not set.
const DefaultMetricsNamespace = "layercache"

// Metric returns one of the metrics that release builds write if MetricsNamespace is set: HitRatio (0 to 1),
// SavedSeconds, OverheadSeconds, TotalSeconds, ExportFailures, ImportFailures, SavedUSD, and if a step used cache
// mounts, MountRestoreSeconds and MountFailures.
// Default: average over 5 minutes.
func (b *ImageBuild) Metric(name *string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	metric := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(valueOr(b.options.metricsNamespace, DefaultMetricsNamespace)),
		MetricName:    name,
		DimensionsMap: &map[string]*string{"App": b.app},
	})
	if options == nil {
		return metric
	}
	return metric.With(options)
}

// MetricBuilds returns the number of release builds. Default: sum over 5 minutes.
func (b *ImageBuild) MetricBuilds(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricBuilds(options)
}

// MetricDuration returns the duration of release builds in seconds. Default: average over 5 minutes.
func (b *ImageBuild) MetricDuration(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricDuration(options)
}

// MetricSucceededBuilds returns the number of release builds that succeed. Default: sum over 5 minutes.
func (b *ImageBuild) MetricSucceededBuilds(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricSucceededBuilds(options)
}

// MetricFailedBuilds returns the number of release builds that fail. Default: sum over 5 minutes.
func (b *ImageBuild) MetricFailedBuilds(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricFailedBuilds(options)
}

// grantMetrics lets the role write to one namespace. The action supports no resource, so the condition limits
// it:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html.
func grantMetrics(role awsiam.IGrantable, namespace *string) {
	if namespace == nil {
		return
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("cloudwatch:PutMetricData"),
		ResourceArns: jsii.Strings("*"),
		Conditions:   &map[string]*map[string]any{"StringEquals": {"cloudwatch:namespace": namespace}},
	})
}
