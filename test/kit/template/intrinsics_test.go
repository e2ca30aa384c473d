package template_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/template"
)

// stackWith is a template whose project has a variable V with the given type and value.
const stackWith = `{
  "Parameters": {"Size": {"Default": 3}, "Bare": {"Type": "String"}},
  "Resources": {
    "Project": {"Type": "AWS::CodeBuild::Project", "Properties": {
      "Source": {"Type": "NO_SOURCE"},
      "Environment": {"EnvironmentVariables": [{"Name": "V", "Type": "%s", "Value": %s}]}
    }},
    "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}},
    "Unnamed": {"Type": "AWS::ECR::Repository"},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::Sub": "${AWS::StackName}-role"}}},
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/logs"}},
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "news"}},
    "Key": {"Type": "AWS::KMS::Key"},
    "Queue": {"Type": "AWS::SQS::Queue"}
  },
  "Outputs": {
    "RepoName": {"Value": {"Ref": "Repo"}, "Export": {"Name": {"Fn::Join": ["", [{"Ref": "AWS::StackName"}, ":RepoName"]]}}},
    "Circle": {"Value": {"Fn::ImportValue": "circle"}, "Export": {"Name": "circle"}}
  }
}`

func evaluate(t *testing.T, environment, kind, value string) (string, error) {
	t.Helper()
	app, err := template.Load(writeApp(t, environment, fmt.Sprintf(stackWith, kind, value)))
	require.NoError(t, err)
	projects, err := app.Projects()
	if err != nil {
		return "", err
	}
	return projects[0].Value("V"), nil
}

func TestIntrinsics(t *testing.T) {
	cases := map[string]struct{ value, want string }{
		"text is unchanged":                                  {`"plain"`, "plain"},
		"a number is written without an exponent":            {`10000000`, "10000000"},
		"a boolean is written as a word":                     {`true`, "true"},
		"Ref returns a pseudo parameter":                     {`{"Ref": "AWS::Region"}`, "eu-west-3"},
		"Ref returns a parameter's default":                  {`{"Ref": "Size"}`, "3"},
		"Ref of a repository is its name":                    {`{"Ref": "Repo"}`, "team/app"},
		"Ref of a topic is its ARN":                          {`{"Ref": "Topic"}`, "arn:aws:sns:eu-west-3:123456789012:news"},
		"GetAtt returns a repository's ARN":                  {`{"Fn::GetAtt": ["Repo", "Arn"]}`, "arn:aws:ecr:eu-west-3:123456789012:repository/team/app"},
		"GetAtt returns a repository's URI":                  {`{"Fn::GetAtt": ["Repo", "RepositoryUri"]}`, "123456789012.dkr.ecr.eu-west-3.amazonaws.com/team/app"},
		"GetAtt accepts a single string":                     {`{"Fn::GetAtt": "Logs.Arn"}`, "arn:aws:logs:eu-west-3:123456789012:log-group:/logs:*"},
		"a role's ARN has no region":                         {`{"Fn::GetAtt": ["Role", "Arn"]}`, "arn:aws:iam::123456789012:role/Stack-role"},
		"Join puts a separator between items":                {`{"Fn::Join": ["-", ["a", {"Ref": "Repo"}, "b"]]}`, "a-team/app-b"},
		"Split and Select extract part of an ARN":            {`{"Fn::Select": [4, {"Fn::Split": [":", {"Fn::GetAtt": ["Repo", "Arn"]}]}]}`, "123456789012"},
		"Select accepts an index that is text":               {`{"Fn::Select": ["1", ["a", "b"]]}`, "b"},
		"Sub replaces names, attributes and pseudo":          {`{"Fn::Sub": "${Repo} ${Repo.Arn} ${AWS::AccountId}"}`, "team/app arn:aws:ecr:eu-west-3:123456789012:repository/team/app 123456789012"},
		"Sub accepts its own values":                         {`{"Fn::Sub": ["${Who}-${Repo}", {"Who": {"Ref": "AWS::Partition"}}]}`, "aws-team/app"},
		"Sub keeps escaped placeholders":                     {`{"Fn::Sub": "${!HOME}/${Size}"}`, "${HOME}/3"},
		"ImportValue finds the export":                       {`{"Fn::ImportValue": "Stack:RepoName"}`, "team/app"},
		"ImportValue evaluates the name":                     {`{"Fn::ImportValue": {"Fn::Sub": "${AWS::StackName}:RepoName"}}`, "team/app"},
		"a repository without a name gets one in lower case": {`{"Fn::Select": [1, {"Fn::Split": ["-", {"Ref": "Unnamed"}]}]}`, "unnamed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := evaluate(t, "aws://123456789012/eu-west-3", "PLAINTEXT", c.value)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestIntrinsicsFollowThePartition(t *testing.T) {
	uri := `{"Fn::GetAtt": ["Repo", "RepositoryUri"]}`
	arn := `{"Fn::GetAtt": ["Bucket", "Arn"]}`
	cases := map[string]struct{ region, value, want string }{
		"China has its own domain suffix":   {"cn-north-1", uri, `^123456789012\.dkr\.ecr\.cn-north-1\.amazonaws\.com\.cn/team/app$`},
		"China has its own partition":       {"cn-north-1", arn, `^arn:aws-cn:s3:::stack-bucket-`},
		"GovCloud has its own partition":    {"us-gov-west-1", arn, `^arn:aws-us-gov:s3:::stack-bucket-`},
		"GovCloud shares the domain suffix": {"us-gov-west-1", uri, `amazonaws\.com/team/app$`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := evaluate(t, "aws://123456789012/"+c.region, "PLAINTEXT", c.value)
			require.NoError(t, err)
			assert.Regexp(t, c.want, got)
		})
	}
}

func TestIntrinsicsRefuse(t *testing.T) {
	cases := map[string]struct{ kind, value, want string }{
		"an unsupported function, naming the place":      {"PLAINTEXT", `{"Fn::If": ["A", "b", "c"]}`, "Stack.Project.Environment.EnvironmentVariables[0].Value uses Fn::If"},
		"a function inside another":                      {"PLAINTEXT", `{"Fn::Join": ["", [{"Fn::Base64": "x"}]]}`, "Value.Fn::Join[0] uses Fn::Base64"},
		"a name that the stack does not have":            {"PLAINTEXT", `{"Ref": "Nobody"}`, "has no resource, parameter or pseudo parameter Nobody"},
		"a parameter without a default":                  {"PLAINTEXT", `{"Ref": "Bare"}`, "parameter Bare of stack Stack has no default"},
		"a resource of an unsupported type":              {"PLAINTEXT", `{"Ref": "Queue"}`, "AWS::SQS::Queue"},
		"an unsupported attribute":                       {"PLAINTEXT", `{"Fn::GetAtt": ["Repo", "Colour"]}`, "attribute Colour of Repo"},
		"an export that does not exist":                  {"PLAINTEXT", `{"Fn::ImportValue": "nothing"}`, `exports "nothing"`},
		"an export that imports itself":                  {"PLAINTEXT", `{"Fn::ImportValue": "circle"}`, `export "circle" imports itself`},
		"an index outside the list":                      {"PLAINTEXT", `{"Fn::Select": [7, ["a"]]}`, `selects "7" from a list of 1`},
		"a list where a value is needed":                 {"PLAINTEXT", `["a"]`, "but a string is needed"},
		"a value where a list is needed":                 {"PLAINTEXT", `{"Fn::Join": ["", "a"]}`, "but a list is needed"},
		"one argument where two are needed":              {"PLAINTEXT", `{"Fn::Split": [":"]}`, "needs a list of two arguments"},
		"an unknown name in Sub":                         {"PLAINTEXT", `{"Fn::Sub": "${Nobody}"}`, "Fn::Sub.${Nobody}"},
		"a variable that only an account could evaluate": {"SECRETS_MANAGER", `"x"`, "SECRETS_MANAGER"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := evaluate(t, "aws://123456789012/eu-west-3", c.kind, c.value)
			assert.ErrorContains(t, err, c.want)
		})
	}
}
