package variables

import (
	"fmt"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/report/escape"
)

// Problem is an error in the value of one variable.
type Problem struct {
	// Variable is the variable's name, or the flag that set it.
	Variable string
	// Wrong is a phrase that follows the name: what is wrong and what was expected.
	Wrong string
}

func (p Problem) Error() string { return p.Variable + " " + escape.Values(p.Wrong) }

// Problems are all errors in the variables that a command reads.
type Problems []Problem

func (p Problems) Error() string {
	lines := []string{"the settings are wrong:"}
	for _, problem := range p {
		lines = append(lines, problem.Error())
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems as an error, or nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// add appends a problem; wrong is a format of fmt.Sprintf.
func (p *Problems) add(variable, wrong string, args ...any) {
	*p = append(*p, Problem{variable, fmt.Sprintf(wrong, args...)})
}

// Values are the values of variables by name. A variable that is not set has its default.
type Values map[string]any

// Read reads and checks the variables through lookup, which works like os.LookupEnv. An empty value counts as
// not set. A wrong value is a problem, and the variable gets its default.
func Read(lookup func(string) (string, bool), variables []Variable) (Values, Problems) {
	values := Values{}
	var problems Problems
	for _, v := range variables {
		text, _ := lookup(v.Name)
		if text == "" {
			text = v.Default
		}
		value, wrong := v.Form.parse(text)
		if len(wrong) > 0 {
			for _, phrase := range wrong {
				problems = append(problems, Problem{v.Name, phrase})
			}
			value, _ = v.Form.parse(v.Default)
		}
		values[v.Name] = value
	}
	return values, problems
}

// value returns the variable's value, or the zero value if the variable was not read.
func value[T any](values Values, name string) T {
	found, _ := values[name].(T)
	return found
}

// Text returns the value of a variable whose form is text.
func (v Values) Text(name string) string { return value[string](v, name) }

// Boolean returns the value of a variable that is true or false.
func (v Values) Boolean(name string) bool { return value[bool](v, name) }

// Number returns the value of a variable that is a number.
func (v Values) Number(name string) float64 { return value[float64](v, name) }

// Count returns the value of a variable that is a whole number; 0 if it is not set.
func (v Values) Count(name string) int { return value[int](v, name) }

// Size returns the value of a variable that is a size in bytes.
func (v Values) Size(name string) int64 { return value[int64](v, name) }

// Duration returns the value of a variable that is a duration.
func (v Values) Duration(name string) time.Duration { return value[time.Duration](v, name) }

// List returns the value of a variable that is a list or a JSON array.
func (v Values) List(name string) []string { return value[[]string](v, name) }

// Object returns the value of a variable that is a JSON object.
func (v Values) Object(name string) map[string]string { return value[map[string]string](v, name) }
