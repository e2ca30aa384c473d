package template

import (
	"errors"
	"fmt"
	"strings"
)

// Project is a CodeBuild project as CloudFormation would create it.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codebuild-project.html
type Project struct {
	// Stack and LogicalID locate the project in the app.
	Stack     string
	LogicalID string
	Name      string
	Account   string
	Region    string
	Partition string
	// BuildSpec is the text of the buildspec, or the path of one inside the source.
	BuildSpec string
	// Image is the build image, for example aws/codebuild/amazonlinux-x86_64-standard:5.0.
	Image       string
	ComputeType string
	// EnvironmentType is the type of machine, LINUX_CONTAINER or ARM_CONTAINER.
	EnvironmentType string
	Privileged      bool
	// ServiceRole is the ARN of the role that builds run under.
	ServiceRole string
	// LogGroup is the name of the log group in CloudWatch Logs; empty for CodeBuild's default.
	LogGroup string
	// Environment holds the PLAINTEXT variables of the project, in the template's order.
	Environment []Variable
	Source      Source
	// SecondarySources are the sources with an Identifier.
	SecondarySources []Source

	registries []string
}

// Variable is an environment variable of a project.
type Variable struct {
	Name  string
	Value string
}

// Source is one source of a build.
type Source struct {
	// Identifier of a secondary source; empty for the primary one.
	Identifier string
	// Type is the type in the template: S3, NO_SOURCE, GITHUB and so on.
	Type string
	// Location is the location in the template, evaluated: BUCKET/KEY for S3.
	Location string
	// Path is the local file or directory that an S3 source was made from; empty for other types.
	Path string
}

// Projects returns the CodeBuild projects of all stacks, ordered by stack and logical ID.
func (a *App) Projects() ([]Project, error) {
	var projects []Project
	for _, s := range a.stacks {
		for _, id := range sortedKeys(s.template.Resources) {
			if s.template.Resources[id].Type != "AWS::CodeBuild::Project" {
				continue
			}
			project, err := a.project(s, id)
			if err != nil {
				return nil, err
			}
			projects = append(projects, project)
		}
	}
	if len(projects) == 0 {
		return nil, errors.New("template: the app has no CodeBuild project")
	}
	return projects, nil
}

func (a *App) project(s *stack, id string) (Project, error) {
	read := reader{evaluator: evaluator{app: a, stack: s}}
	properties := node{place: s.name + "." + id, value: s.template.Resources[id].Properties}
	environment, source := properties.at("Environment"), properties.at("Source")
	project := Project{
		Stack: s.name, LogicalID: id,
		Account: s.env.Account, Region: s.env.Region, Partition: s.env.partition(),
		BuildSpec:   read.text(source.at("BuildSpec")),
		Image:       read.text(environment.at("Image")),
		ComputeType: read.text(environment.at("ComputeType")),
		Privileged:  read.text(environment.at("PrivilegedMode")) == "true",
		ServiceRole: read.text(properties.at("ServiceRole")),
		LogGroup:    read.text(properties.at("LogsConfig").at("CloudWatchLogs").at("GroupName")),

		EnvironmentType: read.text(environment.at("Type")),
		Source:          read.source(source),
	}
	name, err := read.physicalID(properties.place, id)
	read.note(err)
	project.Name = name
	for _, variable := range read.items(environment.at("EnvironmentVariables")) {
		project.Environment = append(project.Environment, read.variable(variable))
	}
	for _, secondary := range read.items(properties.at("SecondarySources")) {
		project.SecondarySources = append(project.SecondarySources, read.source(secondary))
	}
	for _, other := range a.stacks {
		project.registries = append(project.registries, other.env.registry())
	}
	return project, read.err
}

// WithRegistry returns the project with every private ECR registry of the app replaced by host (HOST:PORT) in
// the values of its environment variables.
func (p Project) WithRegistry(host string) Project {
	variables := make([]Variable, len(p.Environment))
	for i, variable := range p.Environment {
		for _, registry := range p.registries {
			variable.Value = strings.ReplaceAll(variable.Value, registry, host)
		}
		variables[i] = variable
	}
	p.Environment = variables
	return p
}

// Value returns the value of an environment variable of the project, or "" if there is none of that name.
func (p Project) Value(name string) string {
	for _, variable := range p.Environment {
		if variable.Name == name {
			return variable.Value
		}
	}
	return ""
}

func (r *reader) variable(n node) Variable {
	if kind := r.text(n.at("Type")); kind != "" && kind != "PLAINTEXT" {
		r.note(fmt.Errorf("template: %s is of type %s: only PLAINTEXT can be evaluated without an account", n.place, kind))
	}
	return Variable{Name: r.text(n.at("Name")), Value: r.text(n.at("Value"))}
}

func (r *reader) source(n node) Source {
	source := Source{
		Identifier: r.text(n.at("SourceIdentifier")),
		Type:       r.text(n.at("Type")),
		Location:   r.text(n.at("Location")),
	}
	if source.Type == "S3" && r.err == nil {
		path, err := r.assetPath(n.place+".Location", source.Location)
		r.note(err)
		source.Path = path
	}
	return source
}
