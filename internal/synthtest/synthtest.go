// Package synthtest helps tests to read synthesized stacks: a policy as lines, an intrinsic function as text.
package synthtest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cdkprocess"
)

// Main runs the tests of a package with one JavaScript process, without the CDK's template check, which takes
// seconds in every package; test/constructs/app runs it.
func Main(m *testing.M) {
	if err := cdkprocess.SkipTemplateCheck(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// Stack returns a new stack in its own app, without account and region.
func Stack() awscdk.Stack {
	return awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Test"), nil)
}

// File writes a file in a new temporary directory and returns both paths.
func File(t *testing.T, name, content string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return dir, path
}

// Resources returns the resources of a type, by logical id.
func Resources(stack awscdk.Stack, kind string) map[string]map[string]any {
	all, _ := (*assertions.Template_FromStack(stack, nil).ToJSON())["Resources"].(map[string]any)
	found := map[string]map[string]any{}
	for id, r := range all {
		if resource := r.(map[string]any); resource["Type"] == kind {
			found[id] = resource
		}
	}
	return found
}

// Resource returns the only resource of a type.
func Resource(t *testing.T, stack awscdk.Stack, kind string) map[string]any {
	t.Helper()
	found := Resources(stack, kind)
	require.Len(t, found, 1, "resources of type %s", kind)
	for _, r := range found {
		return r
	}
	return nil
}

// Properties returns the properties of the only resource of a type.
func Properties(t *testing.T, stack awscdk.Stack, kind string) map[string]any {
	t.Helper()
	return Resource(t, stack, kind)["Properties"].(map[string]any)
}

// Errors returns the errors of the stack, which make the CDK CLI stop.
func Errors(stack awscdk.Stack) []string { return messages(stack, "aws:cdk:error") }

// Warnings returns the warnings of the stack.
func Warnings(stack awscdk.Stack) []string { return messages(stack, "aws:cdk:warning") }

// Infos returns the infos of the stack.
func Infos(stack awscdk.Stack) []string { return messages(stack, "aws:cdk:info") }

// messages returns the annotations of a type. It does not synthesize the stack, so the stack can still be
// extended.
func messages(stack awscdk.Stack, kind string) []string {
	var texts []string
	for _, construct := range *stack.Node().FindAll("") {
		for _, entry := range *construct.Node().Metadata() {
			if *entry.Type == kind {
				texts = append(texts, fmt.Sprint(entry.Data))
			}
		}
	}
	return texts
}

// RolePolicy returns the policy of the only role with a policy, a line for each statement in order: "Allow
// ACTIONS on RESOURCES".
func RolePolicy(t *testing.T, stack awscdk.Stack) []string {
	t.Helper()
	return Statements(Properties(t, stack, "AWS::IAM::Policy")["PolicyDocument"])
}

// Statements renders a policy document, a line for each statement.
func Statements(document any) []string {
	var lines []string
	for _, s := range document.(map[string]any)["Statement"].([]any) {
		statement := s.(map[string]any)
		line := fmt.Sprintf("%s %s", statement["Effect"], list(statement["Action"]))
		if resource, ok := statement["Resource"]; ok {
			line += " on " + list(resource)
		}
		if principal, ok := statement["Principal"]; ok {
			line += " to " + pairs(principal)
		}
		if condition, ok := statement["Condition"]; ok {
			line += " if " + pairs(condition)
		}
		lines = append(lines, line)
	}
	return lines
}

func list(value any) string {
	many, ok := value.([]any)
	if !ok {
		return Text(value)
	}
	var texts []string
	for _, v := range many {
		texts = append(texts, Text(v))
	}
	return strings.Join(texts, " ")
}

func pairs(value any) string {
	object, ok := value.(map[string]any)
	if !ok || isIntrinsic(object) {
		return list(value)
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		texts = append(texts, key+"="+pairs(object[key]))
	}
	return strings.Join(texts, ",")
}

func isIntrinsic(object map[string]any) bool {
	for key := range object {
		return len(object) == 1 && (key == "Ref" || strings.HasPrefix(key, "Fn::"))
	}
	return false
}

// Text renders a value with intrinsic functions: ${ID} for a Ref, ${ID.ATTRIBUTE} for a GetAtt, the joined
// parts for a Join, import(NAME) for an export of another stack.
func Text(value any) string {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprint(value)
	}
	for function, argument := range object {
		switch function {
		case "Ref":
			return fmt.Sprintf("${%s}", argument)
		case "Fn::Sub":
			return fmt.Sprint(argument)
		case "Fn::ImportValue":
			return fmt.Sprintf("import(%s)", Text(argument))
		case "Fn::GetAtt":
			return fmt.Sprintf("${%s.%s}", argument.([]any)[0], argument.([]any)[1])
		case "Fn::Join":
			var joined []string
			for _, part := range argument.([]any)[1].([]any) {
				joined = append(joined, Text(part))
			}
			return strings.Join(joined, Text(argument.([]any)[0]))
		case "Fn::Split":
			return fmt.Sprintf("split(%s)", Text(argument.([]any)[1]))
		case "Fn::Select":
			return fmt.Sprintf("%s[%s]", Text(argument.([]any)[1]), Text(argument.([]any)[0]))
		}
	}
	return fmt.Sprint(value)
}

// Output returns the value of an output of the stack.
func Output(stack awscdk.Stack, id string) string {
	outputs := (*assertions.Template_FromStack(stack, nil).ToJSON())["Outputs"].(map[string]any)
	return Text(outputs[id].(map[string]any)["Value"])
}
