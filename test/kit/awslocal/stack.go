package awslocal

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Stack is a deployed stack.
type Stack struct {
	Name   string
	Status string
	// Outputs are the outputs that moto can evaluate, by logical id.
	Outputs map[string]string
	// PhysicalIDs are the physical ids of the resources that moto's CloudFormation creates, by logical id. It
	// ignores all other resources.
	PhysicalIDs map[string]string
}

// Stack returns the stack with the name in the account and region of config.
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
