package start

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/layercache/layercache/internal/report/escape"
)

// Variable is an environment variable that overrides the project's own for one build.
type Variable struct{ Name, Value string }

// namePattern matches the names that a shell accepts. CodeBuild reserves names that begin with CODEBUILD_.
//
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_EnvironmentVariable.html
var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseVariables parses texts of the form NAME=VALUE.
func ParseVariables(texts []string) ([]Variable, error) {
	var variables []Variable
	seen := map[string]bool{}
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		switch {
		case !found:
			return nil, fmt.Errorf("--set %s: expected NAME=VALUE", escape.Value(text))
		case !namePattern.MatchString(name):
			return nil, fmt.Errorf("--set %q: expected a name of letters, digits and _ that does not begin with a digit", escape.Value(name))
		case strings.HasPrefix(name, "CODEBUILD_"):
			return nil, fmt.Errorf("--set %s: CodeBuild reserves variables that begin with CODEBUILD_", name)
		case seen[name]:
			return nil, fmt.Errorf("--set %s is given twice", name)
		}
		seen[name] = true
		variables = append(variables, Variable{name, value})
	}
	return variables, nil
}

// overrides returns the variables as plain text, the only type that can carry a value.
func overrides(variables []Variable) []types.EnvironmentVariable {
	var overrides []types.EnvironmentVariable
	for _, v := range variables {
		overrides = append(overrides, types.EnvironmentVariable{Name: &v.Name, Value: &v.Value, Type: types.EnvironmentVariableTypePlaintext})
	}
	return overrides
}

// checkSecrets returns an error if plain text would replace a secret: everyone who may view the build would
// see it.
func checkSecrets(project types.Project, variables []Variable) error {
	if project.Environment == nil {
		return nil
	}
	stores := map[types.EnvironmentVariableType]string{
		types.EnvironmentVariableTypeSecretsManager: "AWS Secrets Manager",
		types.EnvironmentVariableTypeParameterStore: "the Parameter Store of AWS Systems Manager",
	}
	for _, own := range project.Environment.EnvironmentVariables {
		store, isSecret := stores[own.Type]
		for _, given := range variables {
			if isSecret && own.Name != nil && given.Name == *own.Name {
				return fmt.Errorf("--set %s: project %s takes it from %s, and plain text would be visible to everyone who may view the build: change the value in that store instead", given.Name, *project.Name, store)
			}
		}
	}
	return nil
}
