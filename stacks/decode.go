package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

// ReadConfig decodes the value of the context key, adds the defaults and validates the result. It returns all
// problems. Without problems, the configuration is complete.
func ReadConfig(value any) (*Config, []validation.Problem) {
	config := &Config{}
	if value == nil {
		return config, []validation.Problem{{Prop: ContextKey, Wrong: "is missing in the context of cdk.json", Fix: `give it a value with at least "builds"`}}
	}
	undecoded := decode(ContextKey, value, reflect.ValueOf(config).Elem())
	config = config.WithDefaults()
	problems := slices.Clone(undecoded)
	for _, p := range config.Validate() {
		if !coveredBy(undecoded, p.Prop) {
			problems = append(problems, p)
		}
	}
	return config, problems
}

// coveredBy reports whether there is already a problem at key or at an object that contains it, so that
// another problem adds nothing.
func coveredBy(problems []validation.Problem, key string) bool {
	return slices.ContainsFunc(problems, func(p validation.Problem) bool {
		rest, found := strings.CutPrefix(key, p.Prop)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// decode sets out to in and returns a problem for each key that does not fit.
func decode(key string, in any, out reflect.Value) []validation.Problem {
	switch out.Kind() {
	case reflect.Struct:
		return decodeObject(key, in, out)
	case reflect.Slice:
		return decodeList(key, in, out)
	case reflect.Map:
		return decodeMap(key, in, out)
	case reflect.Pointer:
		element := reflect.New(out.Type().Elem())
		problems := decode(key, in, element.Elem())
		if len(problems) == 0 {
			out.Set(element)
		}
		return problems
	}
	value := reflect.ValueOf(in)
	if !value.IsValid() || value.Type() != out.Type() {
		return mismatch(key, in, scalarNames[out.Kind()])
	}
	out.Set(value)
	return nil
}

var scalarNames = map[reflect.Kind]string{
	reflect.String:  "a string in quotes",
	reflect.Bool:    "true or false",
	reflect.Float64: "a number",
}

func decodeObject(key string, in any, out reflect.Value) []validation.Problem {
	object, ok := in.(map[string]any)
	if !ok {
		return mismatch(key, in, "an object in braces")
	}
	fields := map[string]reflect.Value{}
	var known []string
	for i := range out.NumField() {
		name := out.Type().Field(i).Tag.Get("json")
		fields[name] = out.Field(i)
		known = append(known, name)
	}
	var problems validation.Problems
	for _, name := range slices.Sorted(maps.Keys(object)) {
		field, ok := fields[name]
		if !ok {
			problems.Add(key+"."+name, "is an unknown key", "remove it or use one of "+strings.Join(known, ", "))
			continue
		}
		problems = append(problems, decode(key+"."+name, object[name], field)...)
	}
	return problems
}

func decodeList(key string, in any, out reflect.Value) []validation.Problem {
	list, ok := in.([]any)
	if !ok {
		return mismatch(key, in, "a list in brackets")
	}
	var problems []validation.Problem
	out.Set(reflect.MakeSlice(out.Type(), len(list), len(list)))
	for i, item := range list {
		problems = append(problems, decode(fmt.Sprintf("%s[%d]", key, i), item, out.Index(i))...)
	}
	return problems
}

func decodeMap(key string, in any, out reflect.Value) []validation.Problem {
	object, ok := in.(map[string]any)
	if !ok {
		return mismatch(key, in, "an object in braces")
	}
	var problems []validation.Problem
	out.Set(reflect.MakeMap(out.Type()))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		element := reflect.New(out.Type().Elem()).Elem()
		found := decode(key+"."+name, object[name], element)
		if len(found) == 0 {
			out.SetMapIndex(reflect.ValueOf(name), element)
		}
		problems = append(problems, found...)
	}
	return problems
}

func mismatch(key string, in any, want string) []validation.Problem {
	text, err := json.Marshal(in)
	if err != nil {
		text = []byte(fmt.Sprint(in))
	}
	return []validation.Problem{{Prop: key, Wrong: string(text) + " has the wrong type", Fix: "write " + want}}
}
