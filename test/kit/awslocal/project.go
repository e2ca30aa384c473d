package awslocal

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/layercache/layercache/test/kit/template"
)

// CreateProject creates a project of a synthesized app through the CodeBuild API, in the account and region
// of its stack.
func (s *Server) CreateProject(ctx context.Context, project template.Project) error {
	config, err := s.Config(ctx, project.Account, project.Region)
	if err != nil {
		return err
	}
	if _, err := codebuild.NewFromConfig(config).CreateProject(ctx, input(project)); err != nil {
		return fmt.Errorf("awslocal: project %s of stack %s: %w", project.Name, project.Stack, err)
	}
	return nil
}

func input(project template.Project) *codebuild.CreateProjectInput {
	wanted := &codebuild.CreateProjectInput{
		Name:        &project.Name,
		ServiceRole: &project.ServiceRole,
		Source:      source(project.Source),
		Artifacts:   &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
		Environment: &types.ProjectEnvironment{
			Type: types.EnvironmentType(project.EnvironmentType), ComputeType: types.ComputeType(project.ComputeType),
			Image: &project.Image, PrivilegedMode: &project.Privileged,
		},
	}
	if project.LogGroup != "" {
		logs := &types.CloudWatchLogsConfig{GroupName: &project.LogGroup, Status: types.LogsConfigStatusTypeEnabled}
		wanted.LogsConfig = &types.LogsConfig{CloudWatchLogs: logs}
	}
	wanted.Source.Buildspec = &project.BuildSpec
	for _, variable := range project.Environment {
		wanted.Environment.EnvironmentVariables = append(wanted.Environment.EnvironmentVariables, types.EnvironmentVariable{
			Name: aws.String(variable.Name), Value: aws.String(variable.Value), Type: types.EnvironmentVariableTypePlaintext,
		})
	}
	for _, secondary := range project.SecondarySources {
		wanted.SecondarySources = append(wanted.SecondarySources, *source(secondary))
	}
	return wanted
}

func source(from template.Source) *types.ProjectSource {
	wanted := &types.ProjectSource{Type: types.SourceType(from.Type), Location: &from.Location}
	if from.Identifier != "" {
		wanted.SourceIdentifier = &from.Identifier
	}
	return wanted
}
