package pullthrough

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// An account and region has each prefix once, and one registry policy. Used prefixes and policies are
// recorded as metadata at the root of the construct tree, where the constructs of all stacks find them. They
// appear in no template.
const (
	prefixClaim         = "layercache:pull-through-prefix"
	registryPolicyClaim = "layercache:registry-policy"
	registryStatement   = "layercache:registry-statement"
)

// claimed identifies the user of something that exists once per account and region.
type claimed struct {
	// stack and construct are paths in the construct tree.
	stack, construct string
}

// claim records that construct uses the name in the environment of its stack.
func claim(stack awscdk.Stack, kind, name string, construct constructs.IConstruct) {
	stack.Node().Root().Node().AddMetadata(jsii.String(kind), map[string]any{
		"environment": *stack.Environment(),
		"name":        name,
		"stack":       *stack.Node().Path(),
		"construct":   *construct.Node().Path(),
	}, nil)
}

// findClaim returns the user of the name in the environment of stack.
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

// environmentKnown reports whether the account and region of the stack are known at synthesis. If not, two
// stacks may or may not be deployed to the same ones.
func environmentKnown(stack awscdk.Stack) bool {
	return !strings.Contains(*stack.Environment(), "unknown-")
}

// recordStatement records a statement of the registry policy of the stack's environment.
func recordStatement(stack awscdk.Stack, statement map[string]any) {
	text, err := json.Marshal(statement)
	if err != nil {
		panic(err) // cannot happen: strings, lists and maps always marshal
	}
	stack.Node().Root().Node().AddMetadata(jsii.String(registryStatement), map[string]any{
		"environment": *stack.Environment(),
		"statement":   string(text),
	}, nil)
}

// recordedStatements returns the statements of the registry policy of the stack's environment, in the order
// of their recording.
func recordedStatements(stack awscdk.Stack) []any {
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
