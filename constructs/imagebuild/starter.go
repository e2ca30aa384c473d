package imagebuild

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
)

// starter is what a rule of EventBridge calls to start a release build.
type starter struct {
	arn, roleArn *string
	// overrides is the name of the input's field that overrides variables.
	overrides string
}

// newStarter lets EventBridge start the project. It can start a build itself;
// a batch is started by a state machine of one step.
func (b *ImageBuild) newStarter() *starter {
	role := serviceRole(b, b.shared, "StartRole", "events.amazonaws.com", "Starts image builds from EventBridge (layercache)")
	if !b.batch {
		grantOne(role, "codebuild:StartBuild", b.release.project.ProjectArn())
		return &starter{arn: b.release.project.ProjectArn(), roleArn: role.RoleArn(), overrides: "environmentVariablesOverride"}
	}
	machineRole := serviceRole(b, b.shared, "StartBatchRole", "states.amazonaws.com", "Starts batches of image builds (layercache)")
	grantOne(machineRole, "codebuild:StartBuildBatch", b.release.project.ProjectArn())
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
	grantOne(role, "states:StartExecution", machine.AttrArn())
	return &starter{arn: machine.AttrArn(), roleArn: role.RoleArn(), overrides: "EnvironmentVariablesOverride"}
}

// target is the target of a rule.
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

// serviceRole trusts a service on behalf of this account alone:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html.
func serviceRole(scope constructs.Construct, shared *perstack.Shared, id, service, description string) awsiam.Role {
	return awsiam.NewRole(scope, &id, &awsiam.RoleProps{
		Description: &description,
		AssumedBy:   ownAccount(shared, service),
	})
}

// ownAccounts are the principals of ownAccount, by service.
var ownAccounts perstack.Memo[string, awsiam.IPrincipal]

func ownAccount(shared *perstack.Shared, service string) awsiam.IPrincipal {
	return ownAccounts.Get(shared, service, func() awsiam.IPrincipal {
		return awsiam.NewServicePrincipal(&service, &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{
				"StringEquals": map[string]any{"aws:SourceAccount": shared.Account()},
			},
		})
	})
}

func grantOne(role awsiam.IGrantable, action string, arn *string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: role, Actions: &[]*string{&action}, ResourceArns: &[]*string{arn},
	})
}
