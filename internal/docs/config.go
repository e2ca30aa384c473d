package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
)

const configIntro = `# Keys of cdk.json

The configuration of the CDK app is in cdk.json under ` + "`context`, `layercache`" + `. If it has mistakes, the synthesis fails with a list of
all of them, each with its key and the fix.

For completion and documentation in an editor, add the [JSON schema](cdk.schema.json) to cdk.json:
` + "`\"$schema\": \"./docs/reference/cdk.schema.json\"`" + `.

`

// rootStruct is the type of the whole configuration.
const rootStruct = "Config"

// configStructs returns the structs of the configuration, the root first.
func configStructs() ([]structDoc, error) {
	all, err := structsIn("stacks")
	return reachable(all, rootStruct), err
}

func writeConfig(page *bytes.Buffer) error {
	structs, err := configStructs()
	if err != nil {
		return err
	}
	page.WriteString(generated + configIntro)
	for _, s := range structs {
		fmt.Fprintf(page, "## %s\n\n%s\n\n", s.name, s.doc)
		writeFields(page, "key", s.fields, func(f fieldDoc) string { return f.key }, func(f fieldDoc) string { return jsonType(f.typ) })
	}
	page.Truncate(page.Len() - 1)
	return nil
}

// writeConfigSchema writes a JSON schema of cdk.json that describes only the context of layercache.
func writeConfigSchema(page *bytes.Buffer) error {
	structs, err := configStructs()
	if err != nil {
		return err
	}
	definitions := map[string]any{}
	for _, s := range structs {
		definitions[s.name] = objectSchema(s)
	}
	schema := map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "cdk.json of a layercache app",
		"type":        "object",
		"definitions": definitions,
		"properties": map[string]any{
			"context": map[string]any{
				"type":       "object",
				"properties": map[string]any{"layercache": reference(rootStruct)},
			},
		},
	}
	encoder := json.NewEncoder(page)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(schema)
}

func reference(name string) map[string]any {
	return map[string]any{"$ref": "#/definitions/" + name}
}

func objectSchema(s structDoc) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range s.fields {
		property := typeSchema(f.typ)
		property["description"] = f.doc
		if f.fallback != "" {
			property["description"] = f.doc + " Default: " + f.fallback
		}
		properties[f.key] = property
		if f.required {
			required = append(required, f.key)
		}
	}
	schema := map[string]any{
		"type": "object", "description": s.doc, "properties": properties, "additionalProperties": false,
	}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// typeSchema returns the JSON schema of a Go type of the configuration.
func typeSchema(typ ast.Expr) map[string]any {
	switch t := typ.(type) {
	case *ast.StarExpr:
		return typeSchema(t.X)
	case *ast.ArrayType:
		return map[string]any{"type": "array", "items": typeSchema(t.Elt)}
	case *ast.MapType:
		return map[string]any{"type": "object", "additionalProperties": typeSchema(t.Value)}
	case *ast.Ident:
		switch t.Name {
		case "string":
			return map[string]any{"type": "string"}
		case "bool":
			return map[string]any{"type": "boolean"}
		case "float64", "int":
			return map[string]any{"type": "number"}
		}
		return reference(t.Name)
	}
	return map[string]any{}
}
