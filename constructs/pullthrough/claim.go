package pullthrough

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// An account and region has each prefix once, and one registry policy. What is
// taken is noted at the root of the construct tree, where the constructs of all
// stacks find it; no template shows it.
const (
	prefixClaim         = "layercache:pull-through-prefix"
	registryPolicyClaim = "layercache:registry-policy"
	registryStatement   = "layercache:registry-statement"
)

// claimed is who has something that exists once in an account and region.
type claimed struct {
	// stack and construct are their paths.
	stack, construct string
}

// claim notes that construct has the name in the environment of its stack.
func claim(stack awscdk.Stack, kind, name string, construct constructs.IConstruct) {
	stack.Node().Root().Node().AddMetadata(jsii.String(kind), map[string]any{
		"environment": *stack.Environment(),
		"name":        name,
		"stack":       *stack.Node().Path(),
		"construct":   *construct.Node().Path(),
	}, nil)
}

// findClaim finds who has the name in the environment of stack.
func findClaim(stack awscdk.Stack, kind, name string) (claimed, bool) {
	for _, entry := range *stack.Node().Root().Node().Metadata() {
		if *entry.Type != kind {
			continue
		}
		data := entry.Data.(map[string]any)
		if data["environment"] == *stack.Environment() && data["name"] == name {
			return claimed{stack: data["stack"].(string), construct: data["construct"].(string)}, true
		}
	}
	return claimed{}, false
}

// environmentKnown tells whether the stack has an account and a region at
// synthesis. Two stacks without may or may not be deployed to the same.
func environmentKnown(stack awscdk.Stack) bool {
	return !strings.Contains(*stack.Environment(), "unknown-")
}

// noteStatement notes a statement of the registry policy of the stack's
// environment.
func noteStatement(stack awscdk.Stack, statement map[string]any) {
	text, err := json.Marshal(statement)
	if err != nil {
		panic(err) // plain strings, lists and maps always marshal
	}
	stack.Node().Root().Node().AddMetadata(jsii.String(registryStatement), map[string]any{
		"environment": *stack.Environment(),
		"statement":   string(text),
	}, nil)
}

// notedStatements are the statements of the registry policy of the stack's
// environment, in the order in which they came.
func notedStatements(stack awscdk.Stack) []any {
	var statements []any
	for _, entry := range *stack.Node().Root().Node().Metadata() {
		if *entry.Type != registryStatement {
			continue
		}
		data := entry.Data.(map[string]any)
		var statement map[string]any
		if data["environment"] == *stack.Environment() && json.Unmarshal([]byte(data["statement"].(string)), &statement) == nil {
			statements = append(statements, statement)
		}
	}
	return statements
}
