package nag

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/template"
)

// policies are the properties that hold an IAM policy, by the type of resource. Trust policies of roles are not among them: they have
// no Resource, which parliament asks of every statement.
var policies = map[string]string{
	"AWS::IAM::Policy":                     "PolicyDocument",
	"AWS::KMS::Key":                        "KeyPolicy",
	"AWS::ECR::Repository":                 "RepositoryPolicyText",
	"AWS::ECR::RegistryPolicy":             "PolicyText",
	"AWS::ECR::RepositoryCreationTemplate": "RepositoryPolicy",
}

func TestOtherCheckersFindNothingThatHasNoReason(t *testing.T) {
	templates, documents := t.TempDir(), t.TempDir()
	for name, make := range apps(t) {
		app := make(t)
		assembly := *app.Synth(nil).Directory()
		for _, stack := range stacksOf(t, app) {
			text, err := os.ReadFile(filepath.Join(assembly, *stack.TemplateFile()))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(templates, name+", "+*stack.TemplateFile()), text, 0o600))
		}
		writePolicies(t, documents, name, assembly)
	}
	seen := map[int]bool{}
	for _, f := range append(checkov(t, templates), parliament(t, documents)...) {
		reasons := 0
		for i, e := range explained {
			if e.finding.MatchString(f.rule) {
				reasons++
				seen[i] = true
			}
		}
		assert.Equal(t, 1, reasons, "reasons for %s in %s: %s", f.rule, f.resource, f.text)
	}
	for i, e := range explained {
		assert.True(t, seen[i], "nothing has the finding %s any more: remove it", e.finding)
	}
}

// writePolicies writes each policy of an app to a file of its own.
func writePolicies(t *testing.T, dir, name, assembly string) {
	t.Helper()
	app, err := template.Load(assembly)
	require.NoError(t, err)
	for kind, property := range policies {
		resources, err := app.Resources(kind)
		require.NoError(t, err)
		for _, r := range resources {
			document := r.Properties[property]
			if text, ok := document.(string); ok {
				require.NoError(t, json.Unmarshal([]byte(text), &document))
			}
			if document == nil {
				continue
			}
			// The policies of repositories are about the repository that they are of.
			if property == "RepositoryPolicyText" || property == "RepositoryPolicy" {
				for _, statement := range document.(map[string]any)["Statement"].([]any) {
					statement.(map[string]any)["Resource"] = "arn:aws:ecr:eu-central-1:111122223333:repository/name"
				}
			}
			text, err := json.Marshal(document)
			require.NoError(t, err)
			file := fmt.Sprintf("%s, %s, %s.json", name, r.LogicalID, property)
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), text, 0o600))
		}
	}
}

// run runs a checker of .venv-checkers, which ends with a status of its own choice.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err, "%s is not on PATH: run the tests with `make test`, which installs it, or put .venv-checkers/bin on PATH", name)
	command := exec.Command(path, args...)
	// Neither of them has anything to ask anybody.
	command.Env = append(os.Environ(), "CKV_SKIP_PACKAGE_UPDATE_CHECK=true")
	var answer, problems bytes.Buffer
	command.Stdout, command.Stderr = &answer, &problems
	if err := command.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError), "%s", &problems)
	}
	require.NotEmpty(t, answer.Bytes(), "%s: %s", name, &problems)
	return answer.Bytes()
}

// checkov are the findings of https://www.checkov.io in the templates of a folder, as "checkov CHECK TYPE.ID".
func checkov(t *testing.T, templates string) []finding {
	t.Helper()
	var out struct {
		Results struct {
			Failed []struct {
				Check    string `json:"check_id"`
				Name     string `json:"check_name"`
				Resource string
				File     string `json:"file_path"`
			} `json:"failed_checks"`
			ParsingErrors []string `json:"parsing_errors"`
		}
		Summary struct{ Passed int }
	}
	require.NoError(t, json.Unmarshal(run(t, "checkov",
		"--directory", templates, "--framework", "cloudformation", "--skip-download", "--output", "json", "--compact", "--quiet"), &out))
	require.Empty(t, out.Results.ParsingErrors)
	require.NotZero(t, out.Summary.Passed)
	var found []finding
	for _, f := range out.Results.Failed {
		found = append(found, finding{resource: f.File, rule: "checkov " + f.Check + " " + f.Resource, text: f.Name})
	}
	return found
}

// parliament are the findings of https://github.com/duo-labs/parliament in the policies of a folder, as
// "parliament ISSUE PROPERTY DETAIL".
func parliament(t *testing.T, documents string) []finding {
	t.Helper()
	answers := json.NewDecoder(bytes.NewReader(run(t, "parliament", "--directory", documents, "--include_policy_extension", "json", "--json")))
	var found []finding
	for {
		var f struct {
			Issue, Title string
			Detail       any
			Location     struct{ Filepath string }
		}
		err := answers.Decode(&f)
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		detail, err := json.Marshal(f.Detail)
		require.NoError(t, err)
		parts := strings.Split(strings.TrimSuffix(filepath.Base(f.Location.Filepath), ".json"), ", ")
		rule := fmt.Sprintf("parliament %s %s %s", f.Issue, parts[len(parts)-1], detail)
		found = append(found, finding{resource: f.Location.Filepath, rule: rule, text: f.Title})
	}
}

func TestOtherCheckersFindWhatIsWrong(t *testing.T) {
	templates, documents := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(templates, "bad.json"), []byte(
		`{"AWSTemplateFormatVersion":"2010-09-09","Resources":{"Open":{"Type":"AWS::EC2::SecurityGroup","Properties":{"GroupDescription":"d",
		"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0","Description":"ssh"}]}}}}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(documents, "app, Role, PolicyDocument.json"), []byte(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket"}]}`), 0o600))
	var rules []string
	for _, f := range append(checkov(t, templates), parliament(t, documents)...) {
		rules = append(rules, f.rule)
	}
	assert.Contains(t, rules, "checkov CKV_AWS_24 AWS::EC2::SecurityGroup.Open")
	assert.Contains(t, rules, `parliament RESOURCE_MISMATCH PolicyDocument [{"action":"s3:GetObject","required_format":"arn:*:s3:::*/*"}]`)
}
