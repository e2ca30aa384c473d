package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

func TestProblemsOfTheContextAreLinesWithoutAStackTrace(t *testing.T) {
	for name, c := range map[string]struct {
		context    map[string]any
		lines, err string
	}{
		"no configuration": {
			map[string]any{},
			"layercache: is missing in the context of cdk.json; give it a value with at least \"builds\"\n",
			"layercache: nothing was synthesized; number of problems in the context of cdk.json: 1",
		},
		"two problems": {
			map[string]any{"layercache": map[string]any{"name": "A", "builds": []any{}}},
			"layercache.name: \"A\" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first\n" +
				"layercache.builds: is empty; list at least one image to build\n",
			"layercache: nothing was synthesized; number of problems in the context of cdk.json: 2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			err := synth(&stderr, &awscdk.AppProps{Context: &c.context})
			assert.EqualError(t, err, c.err)
			assert.Equal(t, c.lines, stderr.String())
		})
	}
}

func TestTheStepsOfTheFirstDeploymentAreInTheCloudAssembly(t *testing.T) {
	const connection = "arn:aws:codeconnections:eu-west-1:111122223333:connection/11111111-2222-3333-4444-555555555555"
	dir := t.TempDir() // The process of the CDK has another working directory.
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("Dockerfile", []byte("FROM scratch\n"), 0o600))
	for name, c := range map[string]struct {
		build, source map[string]any
		stderr        string
	}{
		"nothing but bootstrap and deploy": {nil, map[string]any{"directory": "."}, ""},
		"a connection": {map[string]any{"connection": connection}, map[string]any{"github": "acme/shop"},
			"layercache: the first deployment needs you to authorize 1 connection: see cdk.out/first-deployment.md\n"},
	} {
		t.Run(name, func(t *testing.T) {
			config := map[string]any{"builds": []any{map[string]any{"name": "shop", "source": c.source, "helperZip": "Dockerfile"}}}
			if c.build != nil {
				config["build"] = c.build
			}
			var stderr bytes.Buffer
			require.NoError(t, synth(&stderr, &awscdk.AppProps{Context: &map[string]any{"layercache": config}, Outdir: jsii.String(filepath.Join(dir, "cdk.out"))}))
			assert.Equal(t, c.stderr, stderr.String())
			text, err := os.ReadFile(filepath.Join("cdk.out", "first-deployment.md"))
			require.NoError(t, err)
			assert.Contains(t, string(text), "- [ ] `npx cdk deploy layercache-build`\n")
		})
	}
}

// 42 builds of 12 resources are 504, and 6 are those of the pull-through cache.
func TestAStackThatCloudFormationWouldRefuseIsAProblem(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("helper.zip", []byte("helper"), 0o600))
	var builds []any
	for n := range 42 {
		builds = append(builds, map[string]any{
			"name": fmt.Sprintf("build-%d", n), "source": map[string]any{"github": "acme/api"}, "webhook": true, "schedule": "rate(1 day)", "helperZip": "helper.zip",
		})
	}
	context := map[string]any{"layercache": map[string]any{"stacks": 1, "builds": builds}}
	var stderr bytes.Buffer
	err := synth(&stderr, &awscdk.AppProps{Context: &context})
	assert.EqualError(t, err, "layercache: number of stacks that CloudFormation would refuse: 1")
	assert.Equal(t, "layercache.builds: the 42 builds of stack layercache-build do not fit: it has 510 resources, and CloudFormation allows 500; "+
		"move some of those that are not deployed yet into another stack, with a key such as \"stack\": \"more\"; if none is deployed, set layercache.stacks to a higher number\n", stderr.String())
}

func TestAnExceptionOfTheCDKBecomesAnError(t *testing.T) {
	err := synth(io.Discard, &awscdk.AppProps{PropertyInjectors: &[]awscdk.IPropertyInjector{nil}})
	assert.ErrorContains(t, err, "layercache: the CDK cannot synthesize this app: ")
	assert.NotContains(t, err.Error(), "\n    at ")
}

func TestMessageOmitsTheStackTrace(t *testing.T) {
	assert.Equal(t, "Error: no such thing", message(errors.New("Error: no such thing\n    at Kernel.create (/tmp/lib/program.js:1:5565)\n    at main")))
	assert.Equal(t, "exec: node not found", message("exec: node not found"))
}
