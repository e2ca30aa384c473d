package template

import (
	"fmt"
	"strings"
)

// kind describes how CloudFormation names the resources of one type ("Return values" on the page of each type
// in https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/).
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/).
type kind struct {
	// name is the property with the physical name; without it the name is generated.
	name string
	// arn returns the ARN for a physical name.
	arn func(env environment, name string) string
	// refIsARN reports whether Ref returns the ARN instead of the name.
	refIsARN bool
	// attributes are the supported attributes of Fn::GetAtt other than Arn.
	attributes map[string]func(env environment, name string) string
}

func regional(service, prefix string) func(environment, string) string {
	return func(env environment, name string) string { return env.arn(service, prefix+name) }
}

var kinds = map[string]kind{
	"AWS::ECR::Repository": {
		name: "RepositoryName",
		arn:  regional("ecr", "repository/"),
		attributes: map[string]func(environment, string) string{
			"RepositoryUri": func(env environment, name string) string { return env.registry() + "/" + name },
		},
	},
	"AWS::S3::Bucket": {
		name: "BucketName",
		arn:  func(env environment, name string) string { return "arn:" + env.partition() + ":s3:::" + name },
	},
	"AWS::IAM::Role": {
		name: "RoleName",
		arn:  func(env environment, name string) string { return env.globalARN("iam", "role/"+name) },
	},
	"AWS::IAM::Policy": {name: "PolicyName"},
	"AWS::Logs::LogGroup": {
		name: "LogGroupName",
		arn:  func(env environment, name string) string { return env.arn("logs", "log-group:"+name+":*") },
	},
	"AWS::CodeBuild::Project":     {name: "Name", arn: regional("codebuild", "project/")},
	"AWS::CodeBuild::ReportGroup": {name: "Name", arn: regional("codebuild", "report-group/"), refIsARN: true},
	"AWS::KMS::Key": {
		arn: regional("kms", "key/"),
		attributes: map[string]func(environment, string) string{
			"KeyId": func(_ environment, name string) string { return name },
		},
	},
	"AWS::ECS::TaskDefinition": {name: "Family", arn: regional("ecs", "task-definition/"), refIsARN: true},
	"AWS::Events::Rule":        {name: "Name", arn: regional("events", "rule/")},
	"AWS::Lambda::Function":    {name: "FunctionName", arn: regional("lambda", "function:")},
	// The attributes are those of Answered.
	"Custom::LayercacheImage":     {},
	"AWS::SNS::Topic":             {name: "TopicName", arn: regional("sns", ""), refIsARN: true},
	"AWS::SecretsManager::Secret": {name: "Name", arn: regional("secretsmanager", "secret:"), refIsARN: true},
	// The prefix of the rule is its name.
	"AWS::ECR::PullThroughCacheRule": {name: "EcrRepositoryPrefix"},
	// So is that of the template; a registry has one policy, named by its account.
	"AWS::ECR::RepositoryCreationTemplate": {name: "Prefix"},
	"AWS::ECR::RegistryPolicy":             {name: "RegistryId"},
	"AWS::StepFunctions::StateMachine":     {name: "StateMachineName", arn: regional("states", "stateMachine:"), refIsARN: true},
}

// physicalID returns the result of Ref for a resource.
func (e evaluator) physicalID(place, logicalID string) (string, error) {
	kind, name, err := e.physical(place, logicalID)
	if err != nil {
		return "", err
	}
	if kind.refIsARN {
		return kind.arn(e.stack.env, name), nil
	}
	return name, nil
}

// attribute returns the result of Fn::GetAtt for a resource.
func (e evaluator) attribute(place, logicalID, attribute string) (string, error) {
	kind, name, err := e.physical(place, logicalID)
	if err != nil {
		return "", err
	}
	if attribute == "Arn" && kind.arn != nil {
		folder, err := e.folder(place, logicalID)
		return kind.arn(e.stack.env, folder+name), err
	}
	if value, ok := e.stack.answers[logicalID][attribute]; ok {
		return value, nil
	}
	if value, ok := kind.attributes[attribute]; ok {
		return value(e.stack.env, name), nil
	}
	return "", fmt.Errorf("template: %s: unsupported attribute %s of %s (%s)",
		place, attribute, logicalID, e.stack.template.Resources[logicalID].Type)
}

// folder returns the path of a role, which precedes the name in its ARN.
func (e evaluator) folder(place, logicalID string) (string, error) {
	resource := e.stack.template.Resources[logicalID]
	path, given := resource.Properties["Path"]
	if resource.Type != "AWS::IAM::Role" || !given {
		return "", nil
	}
	text, err := e.text(place+"."+logicalID+".Path", path)
	return strings.TrimPrefix(text, "/"), err
}

// physical returns the resource's kind and physical name, which is generated if the template does not set
// one.
func (e evaluator) physical(place, logicalID string) (kind, string, error) {
	resource, ok := e.stack.template.Resources[logicalID]
	if !ok {
		return kind{}, "", fmt.Errorf("template: %s: stack %s has no resource, parameter or pseudo parameter %s", place, e.stack.name, logicalID)
	}
	known, ok := kinds[resource.Type]
	if !ok {
		return kind{}, "", fmt.Errorf("template: %s: unsupported resource type %s (%s)", place, resource.Type, logicalID)
	}
	given, ok := resource.Properties[known.name]
	if deployed := e.stack.deployed[logicalID]; deployed != "" {
		return known, deployed, nil
	}
	if !ok {
		return known, generatedName(resource.Type, e.stack.name, logicalID), nil
	}
	name, err := e.text(e.stack.name+"."+logicalID+"."+known.name, given)
	return known, name, err
}
