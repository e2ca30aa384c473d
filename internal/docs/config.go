package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"regexp"
	"strings"
)

const configIntro = `# Keys of cdk.json

The configuration of the CDK app is in cdk.json under ` + "`context`, `layercache`" + `. If it has mistakes, the synthesis fails with a list of
all of them, each with its key and the fix.

For completion and documentation in an editor, add the [JSON schema](cdk.schema.json) to cdk.json:
` + "`\"$schema\": \"./docs/reference/cdk.schema.json\"`" + `.

An object with the key ` + "`enabled`" + ` may also be ` + "`true` or `false`: `\"webhook\": true` is short for `\"webhook\": { \"enabled\": true }`" + `.

`

// rootStruct is the type of the whole configuration.
const rootStruct = "Config"

// configDoc is the documentation of the configuration.
type configDoc struct {
	// structs are the structs of the configuration, the root first.
	structs []structDoc
	// paths are the keys that lead to a struct, such as "builds[].webhook", by its name.
	paths map[string]string
	// keys are the keys by the names of their fields.
	keys map[string]string
}

func readConfig() (*configDoc, error) {
	all, err := structsIn("stacks")
	if err != nil {
		return nil, err
	}
	c := &configDoc{structs: reachable(all, rootStruct), paths: map[string]string{rootStruct: "layercache"}, keys: map[string]string{}}
	for _, s := range c.structs {
		for _, f := range s.fields {
			c.keys[f.name] = f.key
			if name := elementName(f.typ); c.paths[name] == "" {
				c.paths[name] = strings.TrimPrefix(c.paths[s.name]+"."+f.key+suffixOf(f.typ), "layercache.")
			}
		}
	}
	for i := range c.structs {
		s := &c.structs[i]
		s.doc = c.text(s.name, s.doc)
		for n := range s.fields {
			f := &s.fields[n]
			f.doc = strings.TrimSpace(strings.ReplaceAll(c.text(f.name, f.doc), "Required.", ""))
			f.fallback = c.text("", strings.TrimSuffix(f.fallback, "."))
		}
	}
	return c, nil
}

// suffixOf returns what follows a key in the path to the elements of its value.
func suffixOf(typ ast.Expr) string {
	switch t := typ.(type) {
	case *ast.StarExpr:
		return suffixOf(t.X)
	case *ast.ArrayType:
		return "[]"
	case *ast.MapType:
		return ".NAME"
	}
	return ""
}

var (
	wordForm = regexp.MustCompile(`[A-Za-z]+`)
	// oneHump matches a word that can be a field or the first word of a sentence or a name.
	oneHump = regexp.MustCompile(`^[A-Z][a-z]+$`)
	names   = regexp.MustCompile(`^(?:GitHub|GitLab|Bitbucket|CodeCommit|Dockerfile)$`)
)

// text returns a documentation of Go for people who write JSON: without the name of the field at its start, and
// with keys in place of the names of other fields.
func (c *configDoc) text(field, doc string) string {
	if rest, found := strings.CutPrefix(doc, field+" "); field != "" && found {
		for _, verb := range []string{"is ", "are "} {
			rest = strings.TrimPrefix(rest, verb)
		}
		doc = strings.ToUpper(rest[:1]) + rest[1:]
	}
	var b strings.Builder
	end := 0
	for _, at := range wordForm.FindAllStringIndex(doc, -1) {
		word := doc[at[0]:at[1]]
		b.WriteString(doc[end:at[0]])
		end = at[1]
		key := c.keys[word]
		if word == doc && key != "" {
			b.WriteString("`" + key + "`")
			continue
		}
		startsSentence := at[0] == 0 || strings.HasSuffix(doc[:at[0]], ". ")
		isName := names.MatchString(word) || oneHump.MatchString(word) && (startsSentence || strings.HasPrefix(doc[at[1]:], " Manager"))
		quoted := strings.Count(doc[:at[0]], `"`)%2 == 1
		if key == "" || isName || quoted {
			b.WriteString(word)
			continue
		}
		b.WriteString("`" + key + "`")
	}
	return b.String() + doc[end:]
}

func writeConfig(page *bytes.Buffer) error {
	c, err := readConfig()
	if err != nil {
		return err
	}
	page.WriteString(generated + configIntro)
	for _, s := range c.structs {
		fmt.Fprintf(page, "## %s\n\n%s\n\n| key | type | meaning | default |\n|---|---|---|---|\n", c.paths[s.name], s.doc)
		for _, f := range s.fields {
			fallback := f.fallback
			if f.required {
				fallback = "required"
			}
			meaning := f.doc
			if values := strings.Fields(f.tag.Get("enum")); len(values) > 0 {
				meaning += " One of `" + strings.Join(values, "`, `") + "`."
			}
			fmt.Fprintf(page, "| `%s` | %s | %s | %s |\n", f.key, c.typeOf(f.typ), escapePipes(meaning), escapePipes(fallback))
		}
		page.WriteString("\n")
	}
	page.Truncate(page.Len() - 1)
	return nil
}

// typeOf returns the name of a type for people who write JSON, with a link to the keys of an object.
func (c *configDoc) typeOf(typ ast.Expr) string {
	switch t := typ.(type) {
	case *ast.StarExpr:
		return c.typeOf(t.X)
	case *ast.ArrayType:
		return "list of " + c.typeOf(t.Elt)
	case *ast.MapType:
		return "object of " + c.typeOf(t.Value)
	case *ast.Ident:
		path, isObject := c.paths[t.Name]
		if !isObject || !c.isStruct(t.Name) {
			return jsonType(t)
		}
		link := fmt.Sprintf("[object](#%s)", anchorOf(path))
		if c.isSwitch(t.Name) {
			return "true, false or " + link
		}
		return link
	}
	return ""
}

func (c *configDoc) isStruct(name string) bool {
	for _, s := range c.structs {
		if s.name == name {
			return true
		}
	}
	return false
}

// isSwitch reports whether the object has the key "enabled", so that true and false stand for it.
func (c *configDoc) isSwitch(name string) bool {
	for _, s := range c.structs {
		for _, f := range s.fields {
			if s.name == name && f.key == "enabled" {
				return true
			}
		}
	}
	return false
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9_-]`)

// anchorOf returns the anchor that GitHub gives a heading.
func anchorOf(heading string) string {
	return notInAnchor.ReplaceAllString(strings.ReplaceAll(strings.ToLower(heading), " ", "-"), "")
}

// writeConfigSchema writes a JSON schema of cdk.json that describes only the context of layercache.
func writeConfigSchema(page *bytes.Buffer) error {
	c, err := readConfig()
	if err != nil {
		return err
	}
	definitions := map[string]any{}
	for _, s := range c.structs {
		definitions[s.name] = c.objectSchema(s)
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

func (c *configDoc) objectSchema(s structDoc) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range s.fields {
		property := c.typeSchema(f.typ, f)
		property["description"] = f.doc
		if f.fallback != "" {
			property["description"] = f.doc + " Default: " + f.fallback + "."
		}
		if value, known := defaultOf(f); known {
			property["default"] = value
		}
		properties[f.key] = property
		if f.required && !c.isSwitch(s.name) {
			// An object that is switched off needs no other key.
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

// defaultForm matches a default that is one value of JSON.
var defaultForm = regexp.MustCompile(`^("[^"]*"|\["[^\]]*\]|true|false|[0-9]+(?:\.[0-9]+)?)(?:$|[,;] )`)

// defaultOf returns the default of a key if the documentation gives it as a value. That of a list is a list.
func defaultOf(f fieldDoc) (any, bool) {
	match := defaultForm.FindStringSubmatch(f.fallback)
	if match == nil || strings.Contains(f.fallback, " or ") || strings.Contains(f.fallback, " with ") {
		return nil, false
	}
	var value any
	if json.Unmarshal([]byte(match[1]), &value) != nil {
		return nil, false
	}
	if _, isList := value.([]any); !isList && suffixOf(f.typ) == "[]" {
		value = []any{value}
	}
	return value, suffixOf(f.typ) != ".NAME"
}

// typeSchema returns the JSON schema of a Go type of the configuration, for a field.
func (c *configDoc) typeSchema(typ ast.Expr, f fieldDoc) map[string]any {
	switch t := typ.(type) {
	case *ast.StarExpr:
		return c.typeSchema(t.X, f)
	case *ast.ArrayType:
		return map[string]any{"type": "array", "items": c.typeSchema(t.Elt, f)}
	case *ast.MapType:
		return map[string]any{"type": "object", "additionalProperties": c.typeSchema(t.Value, f)}
	case *ast.Ident:
		switch t.Name {
		case "string":
			return stringSchema(f)
		case "bool":
			return map[string]any{"type": "boolean"}
		case "float64", "int":
			return map[string]any{"type": "number"}
		}
		if c.isSwitch(t.Name) {
			return map[string]any{"anyOf": []any{map[string]any{"type": "boolean"}, reference(t.Name)}}
		}
		return reference(t.Name)
	}
	return map[string]any{}
}

func stringSchema(f fieldDoc) map[string]any {
	schema := map[string]any{"type": "string"}
	if values := strings.Fields(f.tag.Get("enum")); len(values) > 0 {
		schema["enum"] = values
	}
	if pattern := f.tag.Get("pattern"); pattern != "" {
		schema["pattern"] = pattern
	}
	return schema
}
