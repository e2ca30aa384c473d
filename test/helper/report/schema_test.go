// Package report tests what a build leaves behind for programs and people: report.json against its schema, and report.html in a
// browser.
package report

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/checkout"
)

// kept returns a report.json as internal/report keeps and compares it.
func kept(t *testing.T, name string) []byte {
	t.Helper()
	content, err := fs.ReadFile(checkout.FS(), "internal/report/testdata/"+name+".json")
	require.NoError(t, err)
	return content
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("report.json", document))
	schema, err := compiler.Compile("report.json")
	require.NoError(t, err)
	return schema
}

func TestAReportFollowsTheSchema(t *testing.T) {
	for _, name := range []string{"full", "minimal"} {
		t.Run(name, func(t *testing.T) {
			instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(kept(t, name)))
			require.NoError(t, err)
			require.NoError(t, schema(t).Validate(instance))
		})
	}
}

func TestTheSchemaRefusesAnythingElse(t *testing.T) {
	cases := []struct {
		name   string
		change func(map[string]any)
	}{
		{"a field is missing", func(r map[string]any) { delete(r, "verdict") }},
		{"an unknown verdict", func(r map[string]any) { r["verdict"] = "fine" }},
		{"an unknown export", func(r map[string]any) { r["exported"] = "maybe" }},
		{"a ratio over one", func(r map[string]any) { r["hitRatio"] = 1.5 }},
		{"steps that are null", func(r map[string]any) { r["steps"] = nil }},
		{"a mount without its id", func(r map[string]any) { delete(r["mounts"].([]any)[0].(map[string]any), "id") }},
		{"a mount that was half restored", func(r map[string]any) { r["mounts"].([]any)[0].(map[string]any)["restored"] = 0.5 }},
		{"an unknown activity", func(r map[string]any) { r["activities"].([]any)[0].(map[string]any)["kind"] = "sleep" }},
		{"a negative time", func(r map[string]any) { r["seconds"].(map[string]any)["build"] = -1.0 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var changed map[string]any
			require.NoError(t, json.Unmarshal(kept(t, "full"), &changed))
			c.change(changed)
			assert.Error(t, schema(t).Validate(changed))
		})
	}
}
