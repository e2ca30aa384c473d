package attach

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// project is what an attachment needs to know of a project.
type project struct {
	cfn          awscodebuild.CfnProject
	role         awsiam.IRole
	architecture string
	// variables is the number of environment variables that it has already.
	variables int
}

// architectures are the architectures of the machines on which a builder runs, by environment type.
var architectures = map[string]string{
	"LINUX_CONTAINER": "amd64", "LINUX_GPU_CONTAINER": "amd64", "ARM_CONTAINER": "arm64",
}

// ownVariables are the variables that an attachment sets.
var ownVariables = []string{"LAYERCACHE_HELPER", "LAYERCACHE_MIRRORS", "LAYERCACHE_REPOSITORY", "LAYERCACHE_WRITE"}

// readProject returns the project, or its problems.
func readProject(given awscodebuild.IProject) (*project, validation.Problems) {
	var problems validation.Problems
	if given == nil {
		problems.Add("Project", "is missing", "give an awscodebuild.Project of this app")
		return nil, problems
	}
	cfn, ok := given.Node().DefaultChild().(awscodebuild.CfnProject)
	if !ok {
		problems.Add("Project", "is imported: this app cannot set its variables", "attach in the app that creates it, or set its variables and its role's policies there: docs/how-to/typescript-and-python.md")
		return nil, problems
	}
	environment, _ := awscdk.Stack_Of(cfn).Resolve(cfn.Environment()).(map[string]any)
	p := &project{cfn: cfn, role: given.Role()}
	kind, _ := environment["type"].(string)
	if p.architecture, ok = architectures[kind]; !ok {
		problems.Add("Project", "has machines of type "+kind+", on which no builder runs", "use a Linux build image on a machine of type LINUX_CONTAINER or ARM_CONTAINER")
	}
	if environment["privilegedMode"] != true {
		problems.Add("Project", "is not privileged, which a builder needs", "set Privileged in its Environment, or in CodeBuildDefaults of a CDK pipeline")
	}
	variables, _ := environment["environmentVariables"].([]any)
	p.variables = len(variables)
	checkVariables(variables, &problems)
	return p, problems
}

// attached are the attachments of the projects of a stack, by the path of the project.
var attached perstack.Memo[string, *Attachment]

// checkOnlyOne refuses a second attachment: it would replace the variables of the first.
func (p *project) checkOnlyOne(a *Attachment, problems *validation.Problems) {
	first := attached.Get(perstack.SharedOf(p.cfn), *p.cfn.Node().Path(), func() *Attachment { return a })
	if first != a {
		problems.Add("Project", "has the attachment "+*first.Node().Path()+" already", "use one attachment for each project")
	}
}

// checkVariables refuses variables that an attachment sets.
func checkVariables(variables []any, problems *validation.Problems) {
	for _, v := range variables {
		if name, _ := v.(map[string]any)["name"].(string); slices.Contains(ownVariables, name) {
			problems.Add("Project", "has the variable "+name+" already", "remove it from the project's EnvironmentVariables: the attachment sets it")
		}
	}
}

// addVariables adds the variables after those of the project. The CDK's projects take none once they are made, so
// the property of the CloudFormation resource is extended. The project's own variables stay as they are: a resolved
// copy would have lost that a value is one of another stack.
func (p *project) addVariables(variables map[string]*string) {
	var added []any
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		added = append(added, map[string]any{"Name": name, "Type": "PLAINTEXT", "Value": variables[name]})
	}
	const property = "Environment.EnvironmentVariables"
	if p.variables == 0 {
		p.cfn.AddPropertyOverride(jsii.String(property), added)
		return
	}
	for i, variable := range added {
		p.cfn.AddPropertyOverride(jsii.String(fmt.Sprintf("%s.%d", property, p.variables+i)), variable)
	}
}
