package pullthrough

import (
	"encoding/json"
	"strings"

	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
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

// claim records that the construct with a path uses the name in the environment of the stack.
func claim(shared *perstack.Shared, kind, name string, construct *string) {
	shared.Root().AddMetadata(&kind, map[string]any{
		"environment": *shared.Environment(),
		"name":        name,
		"stack":       *shared.Path(),
		"construct":   *construct,
	}, nil)
}

// claims returns the users of names in the environment of the stack, by name.
func claims(shared *perstack.Shared, kind string) map[string]claimed {
	found := map[string]claimed{}
	for _, entry := range *shared.Root().Metadata() {
		if *entry.Type != kind {
			continue
		}
		data := entry.Data.(map[string]any)
		name := data["name"].(string)
		if _, taken := found[name]; !taken && data["environment"] == *shared.Environment() {
			found[name] = claimed{stack: data["stack"].(string), construct: data["construct"].(string)}
		}
	}
	return found
}

// environmentKnown reports whether the account and region of the stack are known at synthesis. If not, two
// stacks may or may not be deployed to the same ones.
func environmentKnown(shared *perstack.Shared) bool {
	return !strings.Contains(*shared.Environment(), "unknown-")
}

// recordStatement records a statement of the registry policy of the stack's environment.
func recordStatement(shared *perstack.Shared, statement map[string]any) {
	text, err := json.Marshal(statement)
	if err != nil {
		panic(err) // cannot happen: strings, lists and maps always marshal
	}
	shared.Root().AddMetadata(jsii.String(registryStatement), map[string]any{
		"environment": *shared.Environment(),
		"statement":   string(text),
	}, nil)
}

// recordedStatements returns the statements of the registry policy of the stack's environment, in the order
// of their recording.
func recordedStatements(shared *perstack.Shared) []any {
	var statements []any
	for _, entry := range *shared.Root().Metadata() {
		if *entry.Type != registryStatement {
			continue
		}
		data := entry.Data.(map[string]any)
		var statement map[string]any
		if data["environment"] == *shared.Environment() && json.Unmarshal([]byte(data["statement"].(string)), &statement) == nil {
			statements = append(statements, statement)
		}
	}
	return statements
}
