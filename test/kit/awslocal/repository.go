package awslocal

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/layercache/layercache/test/kit/template"
)

// SetPolicies sets the lifecycle policy and the repository policy of a synthesized app's repository through
// the ECR API, because moto's CloudFormation creates the repository without them. moto validates both
// policies.
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
