package start

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// Variable is an environment variable of one build, in place of the project's own.
type Variable struct{ Name, Value string }

// namePattern is what a shell can name; CodeBuild keeps the names that begin with CODEBUILD_ for itself.
//
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_EnvironmentVariable.html
var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseVariables reads NAME=VALUE texts.
func ParseVariables(texts []string) ([]Variable, error) {
	var variables []Variable
	given := map[string]bool{}
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		switch {
		case !found:
			return nil, fmt.Errorf("--set %s: expected NAME=VALUE", text)
		case !namePattern.MatchString(name):
			return nil, fmt.Errorf("--set %q: a name is made of letters, digits and _, and does not begin with a digit", name)
		case strings.HasPrefix(name, "CODEBUILD_"):
			return nil, fmt.Errorf("--set %s: CodeBuild sets the variables that begin with CODEBUILD_ itself", name)
		case given[name]:
			return nil, fmt.Errorf("--set %s is given twice", name)
		}
		given[name] = true
		variables = append(variables, Variable{name, value})
	}
	return variables, nil
}

// overrides are the variables as plain text, the only type in which a value can be given.
func overrides(variables []Variable) []types.EnvironmentVariable {
	var overrides []types.EnvironmentVariable
	for _, v := range variables {
		overrides = append(overrides, types.EnvironmentVariable{Name: &v.Name, Value: &v.Value, Type: types.EnvironmentVariableTypePlaintext})
	}
	return overrides
}

// checkSecrets refuses to put plain text, which everybody who may look at the build sees, in the place of a secret.
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
				return fmt.Errorf("--set %s: project %s takes it from %s, and plain text would be seen by everybody who may look at the build: change the value there", given.Name, *project.Name, store)
			}
		}
	}
	return nil
}
