package template

import (
	"fmt"
	"strconv"
	"strings"
)

// evaluator evaluates the intrinsic functions of one stack.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
type evaluator struct {
	app   *App
	stack *stack
	// visiting holds the exports that are being evaluated, so that circular imports are an error instead of
	// an endless loop.
	visiting []string
}

// text evaluates v to a string; numbers and booleans are formatted as CloudFormation does. place is the
// position of v in the template, for errors.
func (e evaluator) text(place string, v any) (string, error) {
	value, err := e.value(place, v)
	if err != nil {
		return "", err
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case bool:
		return strconv.FormatBool(value), nil
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), nil
	default:
		return "", fmt.Errorf("template: %s is %T, but a string is needed", place, value)
	}
}

// value evaluates v to a string, number, boolean, or a list of strings.
func (e evaluator) value(place string, v any) (any, error) {
	call, ok := v.(map[string]any)
	if !ok {
		if list, ok := v.([]any); ok {
			return e.list(place, list)
		}
		return v, nil
	}
	if len(call) != 1 {
		return nil, fmt.Errorf("template: %s is an object, but a value is needed", place)
	}
	name := sortedKeys(call)[0]
	function, ok := intrinsics[name]
	if !ok {
		return nil, fmt.Errorf("template: %s uses %s, which is not supported (supported: %s)", place, name, strings.Join(sortedKeys(intrinsics), ", "))
	}
	return function(e, place+"."+name, call[name])
}

func (e evaluator) list(place string, items []any) ([]string, error) {
	texts := make([]string, len(items))
	for i, item := range items {
		var err error
		if texts[i], err = e.text(fmt.Sprintf("%s[%d]", place, i), item); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// texts evaluates v to a list of strings.
func (e evaluator) texts(place string, v any) ([]string, error) {
	value, err := e.value(place, v)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]string)
	if !ok {
		return nil, fmt.Errorf("template: %s is %T, but a list is needed", place, value)
	}
	return list, nil
}
