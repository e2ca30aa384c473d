package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
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

func TestAnExceptionOfTheCDKBecomesAnError(t *testing.T) {
	err := synth(io.Discard, &awscdk.AppProps{PropertyInjectors: &[]awscdk.IPropertyInjector{nil}})
	assert.ErrorContains(t, err, "layercache: the CDK cannot synthesize this app: ")
	assert.NotContains(t, err.Error(), "\n    at ")
}

func TestMessageOmitsTheStackTrace(t *testing.T) {
	assert.Equal(t, "Error: no such thing", message(errors.New("Error: no such thing\n    at Kernel.create (/tmp/lib/program.js:1:5565)\n    at main")))
	assert.Equal(t, "exec: node not found", message("exec: node not found"))
}
