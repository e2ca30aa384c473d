package awslocal

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Stack is a stack that has been deployed.
type Stack struct {
	Name   string
	Status string
	// Outputs are those that moto can evaluate, by logical id.
	Outputs map[string]string
	// PhysicalIDs are those of the resources that moto's CloudFormation creates, by logical id. It passes over all others.
	PhysicalIDs map[string]string
}

// Stack is the stack of a name in the account and region of the configuration.
func (s *Server) Stack(ctx context.Context, config aws.Config, name string) (Stack, error) {
	client := cloudformation.NewFromConfig(config)
	described, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return Stack{}, fmt.Errorf("awslocal: stack %s: %w", name, err)
	}
	stack := Stack{Name: name, Status: string(described.Stacks[0].StackStatus), Outputs: map[string]string{}, PhysicalIDs: map[string]string{}}
	for _, output := range described.Stacks[0].Outputs {
		stack.Outputs[*output.OutputKey] = *output.OutputValue
	}
	resources, err := client.ListStackResources(ctx, &cloudformation.ListStackResourcesInput{StackName: &name})
	if err != nil {
		return Stack{}, fmt.Errorf("awslocal: resources of stack %s: %w", name, err)
	}
	for _, resource := range resources.StackResourceSummaries {
		if id := aws.ToString(resource.LogicalResourceId); id != "" {
			stack.PhysicalIDs[id] = aws.ToString(resource.PhysicalResourceId)
		}
	}
	return stack, nil
}
