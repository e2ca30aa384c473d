package variables

import (
	"fmt"
	"strings"
	"time"
)

// Problem is what is wrong with the value of one variable.
type Problem struct {
	// Variable is the variable's name, or the flag that set it.
	Variable string
	// Wrong follows the name in a sentence: what is wrong and what was expected.
	Wrong string
}

func (p Problem) Error() string { return p.Variable + " " + p.Wrong }

// Problems are all that is wrong with the variables that a command reads.
type Problems []Problem

func (p Problems) Error() string {
	lines := []string{"the settings are wrong:"}
	for _, problem := range p {
		lines = append(lines, problem.Error())
	}
	return strings.Join(lines, "\n")
}

// Err is the problems as an error, nil where there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// add notes a problem; wrong is a format of fmt.Sprintf.
func (p *Problems) add(variable, wrong string, args ...any) {
	*p = append(*p, Problem{variable, fmt.Sprintf(wrong, args...)})
}

// Values are the values of variables, with the defaults of those that are not set.
type Values map[string]any

// Read reads and checks the variables through lookup, which has the form of os.LookupEnv. A variable that is set to an empty
// text counts as not set. A value that is wrong is a problem, and reads as the variable's default.
func Read(lookup func(string) (string, bool), read []Variable) (Values, Problems) {
	values := Values{}
	var problems Problems
	for _, v := range read {
		given, _ := lookup(v.Name)
		if given == "" {
			given = v.Default
		}
		value, wrong := v.Form.parse(given)
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

// value returns the variable's value. A variable that was not read has the zero value.
func value[T any](values Values, name string) T {
	found, _ := values[name].(T)
	return found
}

// Text is the value of a variable in one of the forms that are text.
func (v Values) Text(name string) string { return value[string](v, name) }

// Boolean is the value of a variable that is true or false.
func (v Values) Boolean(name string) bool { return value[bool](v, name) }

// Number is the value of a variable that is a number.
func (v Values) Number(name string) float64 { return value[float64](v, name) }

// Count is the value of a variable that is a whole number; 0 where it is not set.
func (v Values) Count(name string) int { return value[int](v, name) }

// Duration is the value of a variable that is a duration.
func (v Values) Duration(name string) time.Duration { return value[time.Duration](v, name) }

// List is the value of a variable that is a list or a JSON array.
func (v Values) List(name string) []string { return value[[]string](v, name) }

// Object is the value of a variable that is a JSON object.
func (v Values) Object(name string) map[string]string { return value[map[string]string](v, name) }
