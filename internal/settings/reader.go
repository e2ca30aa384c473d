package settings

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reader reads variables and collects what is wrong with them, to be told all at once.
type Reader struct {
	lookup   func(string) (string, bool)
	problems []error
}

// NewReader reads through lookup, which has the form of os.LookupEnv. A variable that is set and empty counts as not set.
func NewReader(lookup func(string) (string, bool)) *Reader { return &Reader{lookup: lookup} }

// Problem notes what is wrong; its words are those of fmt.Errorf.
func (r *Reader) Problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

// Err is every problem, a line each, or nil.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return fmt.Errorf("the settings are wrong:\n%w", errors.Join(r.problems...))
}

// Text is the variable's value, or fallback.
func (r *Reader) Text(variable, fallback string) string {
	if value, ok := r.lookup(variable); ok && value != "" {
		return value
	}
	return fallback
}

// OneOf is one of the allowed values, the first by default.
func (r *Reader) OneOf(variable string, allowed ...string) string {
	value := r.Text(variable, allowed[0])
	if !slices.Contains(allowed, value) {
		r.Problem("%s is %q: expected one of %s", variable, value, strings.Join(allowed, ", "))
	}
	return value
}

// Boolean is true or false in any form that strconv.ParseBool takes.
func (r *Reader) Boolean(variable string, fallback bool) bool {
	text := r.Text(variable, strconv.FormatBool(fallback))
	value, err := strconv.ParseBool(text)
	if err != nil {
		r.Problem("%s is %q: expected true or false", variable, text)
	}
	return value
}

// Number is a number that is not negative.
func (r *Reader) Number(variable string, fallback float64) float64 {
	text := r.Text(variable, strconv.FormatFloat(fallback, 'g', -1, 64))
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || !(value >= 0) || math.IsInf(value, 0) {
		r.Problem("%s is %q: expected a number such as %g", variable, text, fallback)
		return fallback
	}
	return value
}

// Duration is a time in the form of time.ParseDuration, longer than none.
func (r *Reader) Duration(variable string, fallback time.Duration) time.Duration {
	text := r.Text(variable, fallback.String())
	value, err := time.ParseDuration(text)
	if err != nil || value <= 0 {
		r.Problem("%s is %q: expected a time such as %s", variable, text, fallback)
		return fallback
	}
	return value
}

// Positive is a whole number from 1 on, or 0 when the variable is not set.
func (r *Reader) Positive(variable string) int {
	text := r.Text(variable, "")
	if text == "" {
		return 0
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		r.Problem("%s is %q: expected a whole number from 1 on", variable, text)
		return 0
	}
	return value
}

// List is a comma list; empty entries are passed over.
func (r *Reader) List(variable string) []string { return List(r.Text(variable, "")) }

// List takes a comma list apart.
func List(text string) []string {
	var values []string
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values
}

// Repository is HOST/NAME without a tag, or empty.
func (r *Reader) Repository(variable string) string {
	value := r.Text(variable, "")
	if value != "" && !isRepository(value) {
		r.Problem("%s is %q: expected HOST/NAME, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/layercache/dev, without a tag", variable, value)
	}
	return value
}

// rolePattern matches the ARN of an IAM role with its path, in any partition.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
var rolePattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/([\x21-\x7e]+/)?[\w+=,.@-]{1,64}$`)

// Role is the ARN of an IAM role, or empty.
func (r *Reader) Role(variable string) string {
	value := r.Text(variable, "")
	if value != "" && !rolePattern.MatchString(value) {
		r.Problem("%s is %q: expected the ARN of a role, for example arn:aws:iam::111122223333:role/layercache", variable, value)
	}
	return value
}
