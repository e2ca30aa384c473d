package stacks_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/stacks"
)

// ReadConfig never panics, whatever the configuration.
func FuzzReadConfig(f *testing.F) {
	files, err := filepath.Glob("../examples/*/cdk.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(content)
	}
	f.Add([]byte(`{"builds":[{"name":"shop","source":{"github":"acme/shop"},"webhook":true,"tags":["latest","{commit}"]}]}`))
	f.Add([]byte(`{"cache":{"account":"111111111111","region":"eu-west-1","tiers":{"dev":{}}},"environments":[{"name":"dev"}],"builds":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var value any
		if json.Unmarshal(text, &value) != nil {
			return
		}
		config, problems := stacks.ReadConfig(value)
		require.NotNil(t, config)
		for _, problem := range problems {
			require.NotEmpty(t, problem.Prop+problem.Wrong)
		}
	})
}
