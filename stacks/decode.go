package stacks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
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
		// An object counts as given, so that its good keys are validated too and nothing is said to lack it.
		if element.Elem().Kind() == reflect.Struct || len(problems) == 0 {
			out.Set(element)
		}
		return problems
	}
	value := reflect.ValueOf(in)
	if !value.IsValid() || value.Type() != out.Type() {
		return mismatch(key, in, out.Kind())
	}
	out.Set(value)
	return nil
}

var typeNames = map[reflect.Kind]string{
	reflect.String:  "a string in quotes",
	reflect.Bool:    "true or false",
	reflect.Float64: "a number",
	reflect.Slice:   "a list in brackets",
	reflect.Map:     "an object in braces",
	reflect.Struct:  "an object in braces",
	objectOrBool:    "true, false, or an object in braces",
}

// objectOrBool stands for an object that true and false are short for.
const objectOrBool = reflect.Interface

func decodeObject(key string, in any, out reflect.Value) []validation.Problem {
	enabled, canBeBool := out.Type().FieldByName("Enabled")
	if value, ok := in.(bool); ok && canBeBool {
		// A bool is short for an object with only the key "enabled".
		return decode(key, value, out.FieldByIndex(enabled.Index))
	}
	object, ok := in.(map[string]any)
	switch {
	case !ok && canBeBool:
		return mismatch(key, in, objectOrBool)
	case !ok:
		problems := mismatch(key, in, reflect.Struct)
		if text, isString := in.(string); isString && key != ContextKey && out.Field(0).Kind() == reflect.String {
			problems[0].Fix += fmt.Sprintf(", such as { %q: %q }", out.Type().Field(0).Tag.Get("json"), text)
		}
		return problems
	}
	fields := map[string]reflect.Value{}
	otherwise := map[string]string{}
	var known []string
	for i := range out.NumField() {
		tag := out.Type().Field(i).Tag
		name := tag.Get("json")
		fields[name] = out.Field(i)
		known = append(known, name)
		for _, other := range strings.Fields(tag.Get("otherwise")) {
			otherwise[strings.ToLower(other)] = name
		}
	}
	var problems validation.Problems
	for _, name := range slices.Sorted(maps.Keys(object)) {
		field, ok := fields[name]
		if !ok {
			problems.Add(key+"."+name, "is an unknown key", fixKey(name, known, otherwise))
			continue
		}
		problems = append(problems, decode(key+"."+name, object[name], field)...)
	}
	return problems
}

// fixKey says what to write instead of an unknown key of an object. known are the keys of the object, otherwise those by
// the names that other tools give to the same thing.
func fixKey(name string, known []string, otherwise map[string]string) string {
	if same := otherwise[strings.ToLower(name)]; same != "" {
		return spelling.Question([]string{same})
	}
	similar := spelling.NearOrPart(name, known)
	if places := placesOf(name); len(places) > 0 && len(places) <= maxPlaces {
		move := "move it to " + strings.Join(places, " or ") + ", which has this key"
		if slices.Contains(similar, name+"s") {
			// One secret in place of secrets is as likely as the secret of another object.
			return spelling.Question([]string{name + "s"}) + " Or " + move
		}
		return move
	}
	if len(similar) > 0 {
		return spelling.Question(similar)
	}
	if len(known) > maxListed {
		return "remove it, or look up the keys in " + referencePage
	}
	return "remove it or use one of " + strings.Join(known, ", ")
}

// placesOf returns the objects of the configuration that have a key of this name, the outer ones first.
func placesOf(name string) []string {
	var places []string
	visitObjects(reflect.TypeFor[Config](), "", func(place string, object reflect.Type) {
		for field := range fieldsOf(object) {
			if field.Tag.Get("json") == name {
				places = append(places, cmp.Or(place, "the top level of "+ContextKey))
			}
		}
	})
	slices.SortStableFunc(places, func(a, b string) int { return strings.Count(a, ".") - strings.Count(b, ".") })
	return places
}

// visitObjects calls visit for each kind of object in a value of the type, with its place, such as "builds[].source".
func visitObjects(value reflect.Type, place string, visit func(place string, object reflect.Type)) {
	switch value.Kind() {
	case reflect.Pointer:
		visitObjects(value.Elem(), place, visit)
	case reflect.Slice:
		visitObjects(value.Elem(), place+"[]", visit)
	case reflect.Map:
		visitObjects(value.Elem(), place+".NAME", visit)
	case reflect.Struct:
		visit(place, value)
		for field := range fieldsOf(value) {
			visitObjects(field.Type, strings.TrimPrefix(place+"."+field.Tag.Get("json"), "."), visit)
		}
	}
}

const (
	// maxPlaces is the largest number of places of a key that a message lists. Only enabled has more: it says nothing
	// about where it belongs.
	maxPlaces = 5
	// maxListed is the largest number of keys that a message lists.
	maxListed = 12
	// referencePage describes all keys.
	referencePage = "https://github.com/layercache/layercache/blob/main/docs/reference/cdk-json.md"
)

func decodeList(key string, in any, out reflect.Value) []validation.Problem {
	list, ok := in.([]any)
	if !ok {
		return mismatch(key, in, out.Kind())
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
		return mismatch(key, in, out.Kind())
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

// maxShown is the number of characters of a value that a message shows.
const maxShown = 60

// mismatch returns the problem of a value of the wrong type. The fix shows the value in the right one where that is clear.
func mismatch(key string, in any, out reflect.Kind) []validation.Problem {
	text, err := json.Marshal(in)
	if err != nil {
		text = []byte(fmt.Sprint(in))
	}
	shown := []rune(string(text))
	if len(shown) > maxShown {
		shown = append(shown[:maxShown], '…')
	}
	return []validation.Problem{{Prop: key, Wrong: string(shown) + " has the wrong type", Fix: "write " + inType(in, string(text), out)}}
}

// inType returns a value in the type, or the name of the type. text is the value in JSON.
func inType(in any, text string, out reflect.Kind) string {
	given, isString := in.(string)
	switch _, isNumber := in.(float64); {
	case in == nil:
		return typeNames[out] + ", or leave it out"
	case out == reflect.String && isNumber:
		return fmt.Sprintf(`"%s", in quotes`, text)
	case out == reflect.Slice && isString:
		return "[" + text + "]"
	case out == objectOrBool && isString && isJSON(given, reflect.Bool),
		(out == reflect.Float64 || out == reflect.Bool) && isString && isJSON(given, out):
		return given + " without quotes"
	}
	return typeNames[out]
}

// isJSON reports whether the text is a number or a boolean in JSON.
func isJSON(text string, kind reflect.Kind) bool {
	var value any
	return json.Unmarshal([]byte(text), &value) == nil && value != nil && reflect.TypeOf(value).Kind() == kind
}
