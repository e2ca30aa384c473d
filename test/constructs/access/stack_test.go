package access

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/constructs/examples"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// The account and region of a stack that names none.
const (
	openAccount = "222222222222"
	openRegion  = "eu-central-1"
)

// stack is a synthesized template and where it is deployed.
type stack struct {
	name, account, region, partition string
	resources                        map[string]resource
}

type resource struct {
	Type       string
	Properties map[string]any
}

// synthesize returns the stacks of an example.
func synthesize(t *testing.T, example examples.Example) []stack {
	t.Helper()
	project := t.TempDir()
	require.NoError(t, examples.WriteProject(project))
	t.Chdir(project)
	config, problems := stacks.ReadConfig(example.Config)
	require.Empty(t, problems)
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: new(bool), Outdir: jsii.String(filepath.Join(project, "cdk.out"))})
	config.AddTo(app)
	return stacksOf(t, app)
}

// stacksOf synthesizes an app and returns its stacks.
func stacksOf(t *testing.T, app awscdk.App) []stack {
	t.Helper()
	var made []stack
	for _, artifact := range *app.Synth(nil).Stacks() {
		text, err := json.Marshal(artifact.Template())
		require.NoError(t, err)
		var template struct{ Resources map[string]resource }
		require.NoError(t, json.Unmarshal(text, &template))
		s := stack{
			name: *artifact.StackName(), account: *artifact.Environment().Account, region: *artifact.Environment().Region,
			partition: "aws", resources: template.Resources,
		}
		if strings.HasPrefix(s.account, "unknown") {
			s.account, s.region = openAccount, openRegion
		}
		for prefix, partition := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov"} {
			if strings.HasPrefix(s.region, prefix) {
				s.partition = partition
			}
		}
		made = append(made, s)
	}
	return made
}

// arn returns an ARN in the account and region of the stack.
func (s stack) arn(service, rest string) string {
	return strings.Join([]string{"arn", s.partition, service, s.region, s.account, rest}, ":")
}

// arnOf returns the ARN of a resource of the template.
func (s stack) arnOf(id string) string {
	r := s.resources[id]
	switch r.Type {
	case "AWS::ECR::Repository":
		return s.arn("ecr", "repository/"+s.nameOf(id))
	case "AWS::Logs::LogGroup":
		return s.arn("logs", "log-group:"+s.nameOf(id)+":*")
	case "AWS::CodeBuild::Project":
		return s.arn("codebuild", "project/"+s.nameOf(id))
	case "AWS::SSM::Parameter":
		return s.arn("ssm", "parameter"+s.nameOf(id))
	case "AWS::IAM::Role":
		path, ok := r.Properties["Path"].(string)
		if !ok {
			path = "/"
		}
		return fmt.Sprintf("arn:%s:iam::%s:role%s%s", s.partition, s.account, path, s.nameOf(id))
	}
	panic(fmt.Sprintf("%s: arnOf does not support the resource %s (%s)", s.name, id, r.Type))
}

// nameOf returns the name of a resource; where CloudFormation would generate the name, it returns a made-up
// one.
func (s stack) nameOf(id string) string {
	for _, property := range []string{"RepositoryName", "Name"} {
		if name, ok := s.resources[id].Properties[property]; ok {
			return s.text(name)
		}
	}
	return s.name + "-" + id
}

// text returns the value as a string, with its intrinsic functions evaluated.
func (s stack) text(value any) string {
	text, ok := s.resolve(value).(string)
	if !ok {
		panic(fmt.Sprintf("%s: %v is not a string", s.name, value))
	}
	return text
}

// resolve evaluates the intrinsic functions that policies use.
func (s stack) resolve(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = s.resolve(item)
		}
		return list
	case map[string]any:
		if len(value) == 1 {
			for name, argument := range value {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return s.call(name, argument)
				}
			}
		}
		object := map[string]any{}
		for key, item := range value {
			object[key] = s.resolve(item)
		}
		return object
	}
	return value
}

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

func (s stack) call(function string, argument any) any {
	switch function {
	case "Ref":
		return s.ref(argument.(string))
	case "Fn::GetAtt":
		if path := argument.([]any); path[1] == "Arn" {
			return s.arnOf(path[0].(string))
		}
	case "Fn::Join":
		var texts []string
		for _, part := range argument.([]any)[1].([]any) {
			texts = append(texts, s.text(part))
		}
		return strings.Join(texts, argument.([]any)[0].(string))
	case "Fn::Sub":
		return placeholder.ReplaceAllStringFunc(argument.(string), func(found string) string {
			return s.ref(found[2 : len(found)-1])
		})
	}
	panic(fmt.Sprintf("%s: the function %s of %v is not supported", s.name, function, argument))
}

func (s stack) ref(name string) string {
	switch name {
	case "AWS::AccountId":
		return s.account
	case "AWS::Region":
		return s.region
	case "AWS::Partition":
		return s.partition
	}
	if _, ok := s.resources[name]; !ok {
		panic(fmt.Sprintf("%s: the reference %s is not supported", s.name, name))
	}
	return s.nameOf(name)
}
