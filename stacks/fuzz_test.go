package stacks_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/layercache/layercache/stacks"
)

// ReadConfig never panics, whatever the configuration.
func FuzzReadConfig(f *testing.F) {
	files, err := filepath.Glob("../examples/*/cdk.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	everyKey, err := filepath.Glob("testdata/keys/*.json")
	require.NoError(f, err)
	for _, file := range append(files, everyKey...) {
		content, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(content)
	}
	archives, err := filepath.Glob("testdata/messages/*.txtar")
	require.NoError(f, err)
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		require.NoError(f, err)
		for _, c := range archive.Files {
			if c.Name != messagesFile {
				f.Add(c.Data)
			}
		}
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
