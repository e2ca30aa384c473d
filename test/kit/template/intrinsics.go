package template

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type intrinsic func(e evaluator, place string, argument any) (any, error)

var intrinsics map[string]intrinsic

func init() {
	intrinsics = map[string]intrinsic{
		"Ref":             evaluator.ref,
		"Fn::GetAtt":      evaluator.getAtt,
		"Fn::ImportValue": evaluator.importValue,
		"Fn::Join":        evaluator.join,
		"Fn::Select":      evaluator.selectOne,
		"Fn::Split":       evaluator.split,
		"Fn::Sub":         evaluator.sub,
	}
}

// pair returns the two arguments of a function.
func pair(place string, argument any) (any, any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 2 {
		return nil, nil, fmt.Errorf("template: %s needs a list of two arguments, not %v", place, argument)
	}
	return list[0], list[1], nil
}

func (e evaluator) ref(place string, argument any) (any, error) {
	name, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("template: %s needs a name, not %v", place, argument)
	}
	if value, ok := e.stack.pseudo(name); ok {
		return value, nil
	}
	if parameter, ok := e.stack.template.Parameters[name]; ok {
		if parameter.Default == nil {
			return nil, fmt.Errorf("template: %s: parameter %s of stack %s has no default", place, name, e.stack.name)
		}
		return parameter.Default, nil
	}
	return e.physicalID(place, name)
}

func (e evaluator) getAtt(place string, argument any) (any, error) {
	var path []string
	switch argument := argument.(type) {
	case string:
		path = strings.SplitN(argument, ".", 2)
	case []any:
		var err error
		if path, err = e.list(place, argument); err != nil {
			return nil, err
		}
	}
	if len(path) != 2 {
		return nil, fmt.Errorf("template: %s needs a logical ID and an attribute, not %v", place, argument)
	}
	return e.attribute(place, path[0], path[1])
}

// importValue returns the value that a stack of the app exports under the name.
func (e evaluator) importValue(place string, argument any) (any, error) {
	name, err := e.text(place, argument)
	if err != nil {
		return nil, err
	}
	if slices.Contains(e.visiting, name) {
		return nil, fmt.Errorf("template: %s: export %q imports itself", place, name)
	}
	for _, exporter := range e.app.stacks {
		there := evaluator{app: e.app, stack: exporter, visiting: append(slices.Clone(e.visiting), name)}
		for _, id := range sortedKeys(exporter.template.Outputs) {
			output := exporter.template.Outputs[id]
			if output.Export.Name == nil || exporter.env != e.stack.env {
				continue
			}
			at := exporter.name + ".Outputs." + id
			exported, err := there.text(at+".Export.Name", output.Export.Name)
			if err != nil {
				return nil, err
			}
			if exported == name {
				return there.value(at+".Value", output.Value)
			}
		}
	}
	return nil, fmt.Errorf("template: %s: no stack of the app in %s exports %q", place, e.stack.env.Region, name)
}

func (e evaluator) join(place string, argument any) (any, error) {
	by, items, err := pair(place, argument)
	if err != nil {
		return nil, err
	}
	separator, ok := by.(string)
	if !ok {
		return nil, fmt.Errorf("template: %s needs a separator that is a string, not %v", place, by)
	}
	texts, err := e.texts(place, items)
	if err != nil {
		return nil, err
	}
	return strings.Join(texts, separator), nil
}

func (e evaluator) selectOne(place string, argument any) (any, error) {
	position, items, err := pair(place, argument)
	if err != nil {
		return nil, err
	}
	written, err := e.text(place, position)
	if err != nil {
		return nil, err
	}
	texts, err := e.texts(place, items)
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(written)
	if err != nil || index < 0 || index >= len(texts) {
		return nil, fmt.Errorf("template: %s selects %q from a list of %d", place, written, len(texts))
	}
	return texts[index], nil
}

func (e evaluator) split(place string, argument any) (any, error) {
	by, whole, err := pair(place, argument)
	if err != nil {
		return nil, err
	}
	separator, ok := by.(string)
	if !ok || separator == "" {
		return nil, fmt.Errorf("template: %s needs a separator that is a string, not %v", place, by)
	}
	text, err := e.text(place, whole)
	if err != nil {
		return nil, err
	}
	return strings.Split(text, separator), nil
}

// placeholder matches ${NAME}, ${LOGICAL.ATTRIBUTE} and the escaped ${!LITERAL}.
var placeholder = regexp.MustCompile(`\$\{(!?)([^}]+)\}`)

func (e evaluator) sub(place string, argument any) (any, error) {
	text, isText := argument.(string)
	var values map[string]any
	if !isText {
		first, second, err := pair(place, argument)
		if err != nil {
			return nil, err
		}
		var texts, maps bool
		text, texts = first.(string)
		values, maps = second.(map[string]any)
		if !texts || !maps {
			return nil, fmt.Errorf("template: %s needs a string, or a string and a map of values", place)
		}
	}
	var failed error
	replaced := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		match := placeholder.FindStringSubmatch(found)
		if match[1] == "!" {
			return "${" + match[2] + "}"
		}
		value, err := e.substitute(place, strings.TrimSpace(match[2]), values)
		if err != nil && failed == nil {
			failed = err
		}
		return value
	})
	return replaced, failed
}

func (e evaluator) substitute(place, name string, values map[string]any) (string, error) {
	at := place + ".${" + name + "}"
	if value, ok := values[name]; ok {
		return e.text(at, value)
	}
	if strings.Contains(name, ".") {
		return e.text(at, map[string]any{"Fn::GetAtt": name})
	}
	return e.text(at, map[string]any{"Ref": name})
}
