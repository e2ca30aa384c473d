package stacks

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// The limits of a CloudFormation stack:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html.
const (
	maxResources     = 500
	maxOutputs       = 200
	maxTemplateBytes = 1 << 20
)

// resourceLimit is the context key of the most resources that the CDK accepts in a stack; 0 is no limit.
const resourceLimit = "@aws-cdk/core:stackResourceLimit"

// LeaveLimitsToCheck makes the CDK accept stacks of any size in a new app, so that CheckLimits reports all that
// are too large, with the keys of the configuration that help.
func LeaveLimitsToCheck(app awscdk.App) { app.Node().SetContext(jsii.String(resourceLimit), 0) }

// CheckLimits returns a problem for each build stack that CloudFormation would refuse because it has too many
// resources or outputs or is too large. The assembly is the result of App.Synth.
func (a *App) CheckLimits(assembly cxapi.CloudAssembly) (validation.Problems, error) {
	var found validation.Problems
	for _, stack := range a.Builds {
		wrong, err := exceeded(*assembly.GetStackArtifact(stack.ArtifactId()).TemplateFullPath())
		if err != nil {
			return nil, err
		}
		if wrong != "" {
			found.Add("layercache.builds", fmt.Sprintf("the %d builds of stack %s do not fit: it has %s", len(stack.builds), *stack.StackName(), wrong),
				`move some of those that are not deployed yet into another stack, with a key such as "stack": "more"; if none is deployed, set layercache.stacks to a higher number`)
		}
	}
	return found, nil
}

// exceeded returns the limit that a template exceeds, or "".
func exceeded(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var template struct{ Resources, Outputs map[string]json.RawMessage }
	if err := json.Unmarshal(text, &template); err != nil {
		return "", fmt.Errorf("%s is not a template: %w", path, err)
	}
	for _, limit := range []struct {
		has, most int
		what      string
	}{{len(template.Resources), maxResources, "resources"}, {len(template.Outputs), maxOutputs, "outputs"}, {len(text), maxTemplateBytes, "bytes"}} {
		if limit.has > limit.most {
			return fmt.Sprintf("%d %s, and CloudFormation allows %d", limit.has, limit.what, limit.most), nil
		}
	}
	return "", nil
}

// fitOneStack reports whether the builds fit into one stack in a place. It synthesizes that stack in an app of
// its own, so that it counts what the constructs really make.
func (c *Config) fitOneStack(p place) bool {
	dir, err := os.MkdirTemp("", "layercache-fit-")
	if err != nil {
		panic(err) // without a temporary directory, the CDK cannot work either
	}
	defer os.RemoveAll(dir)
	app := awscdk.NewApp(&awscdk.AppProps{
		AnalyticsReporting: jsii.Bool(false),
		Outdir:             &dir,
		Context:            &map[string]any{"aws:cdk:disable-asset-staging": true},
	})
	LeaveLimitsToCheck(app)
	one := &App{}
	for _, g := range c.groups(p, 1) {
		one.Builds = append(one.Builds, NewBuildStack(app, &g.stack, c.buildStackProps(p, g)))
	}
	problems, err := one.CheckLimits(app.Synth(nil))
	return err == nil && len(problems) == 0
}
