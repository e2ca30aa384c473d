package awslocal

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/layercache/layercache/test/template"
)

// SetPolicies gives a repository of a synthesized app, which moto's CloudFormation has created without them, its lifecycle policy and its
// repository policy through the ECR API. moto checks the form of both.
func (s *Server) SetPolicies(ctx context.Context, repository template.Resource) error {
	config, err := s.Config(ctx, repository.Account, repository.Region)
	if err != nil {
		return err
	}
	client := ecr.NewFromConfig(config)
	if lifecycle, ok := repository.Properties["LifecyclePolicy"].(map[string]any); ok {
		text, _ := lifecycle["LifecyclePolicyText"].(string)
		_, err := client.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: &repository.Name, LifecyclePolicyText: &text})
		if err != nil {
			return fmt.Errorf("awslocal: lifecycle policy of repository %s: %w", repository.Name, err)
		}
	}
	if policy, ok := repository.Properties["RepositoryPolicyText"]; ok {
		document, err := json.Marshal(policy)
		if err != nil {
			return fmt.Errorf("awslocal: %w", err)
		}
		text := string(document)
		if _, err := client.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: &repository.Name, PolicyText: &text}); err != nil {
			return fmt.Errorf("awslocal: policy of repository %s: %w", repository.Name, err)
		}
	}
	return nil
}
