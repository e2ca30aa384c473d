package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/DataDog/datadog-agent/pkg/template/text"
)

// functions are those that docker adds to the functions of templates. docker's own package is not used, and neither is
// Go's: their calls of methods by name would keep every method of every type in the program, which is a quarter of its
// size.
//
// https://github.com/docker/cli/blob/v28.5.2/templates/templates.go
var functions = template.FuncMap{
	"json":  toJSON,
	"split": strings.Split,
	"join":  join,
	//lint:ignore SA1019 docker has this function.
	"title": strings.Title,
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"pad":   pad,
	"truncate": func(text string, length int) string {
		return text[:min(len(text), length)]
	},
}

// headerFunctions are those for the header of a table, which stays as it is.
var headerFunctions = template.FuncMap{
	"json":     func(text string) string { return text },
	"split":    func(text, _ string) string { return text },
	"join":     func(text, _ string) string { return text },
	"title":    func(text string) string { return text },
	"lower":    func(text string) string { return text },
	"upper":    func(text string) string { return text },
	"truncate": func(text string, _ int) string { return text },
}

// parseTemplate parses a value of --format.
func parseTemplate(format string) (*template.Template, error) {
	return template.New("").Funcs(functions).Parse(format)
}

func toJSON(value any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSpace(text.String()), err
}

func join(values any, separator string) (string, error) {
	list := reflect.ValueOf(values)
	switch {
	case values == nil:
		return "", nil
	case list.Kind() != reflect.Slice && list.Kind() != reflect.Array:
		return "", fmt.Errorf("expected slice, got %T", values)
	}
	var texts []string
	for i := range list.Len() {
		texts = append(texts, fmt.Sprint(list.Index(i).Interface()))
	}
	return strings.Join(texts, separator), nil
}

func pad(text string, before, after int) string {
	if text == "" {
		return ""
	}
	return strings.Repeat(" ", before) + text + strings.Repeat(" ", after)
}
