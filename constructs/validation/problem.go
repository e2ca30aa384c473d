// Package validation reports every problem of a construct's props together, as the CDK's own error lines and
// without a stack trace. The CDK CLI then stops.
package validation

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/internal/report/escape"
)

// Problem is one error in the props of a construct.
type Problem struct {
	// Prop is the path of the prop, such as "Upstreams[0].Prefix".
	Prop string
	// Wrong describes the error and quotes the value.
	Wrong string
	// Fix is what to write instead.
	Fix string
}

// String returns the problem as one line, without the path of the construct. Very long values are shortened.
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s; %s", escape.Value(p.Prop), escape.Values(p.Wrong), escape.Values(p.Fix))
}

// Problems collects problems.
type Problems []Problem

// Add appends a problem.
func (p *Problems) Add(prop, wrong, fix string) {
	*p = append(*p, Problem{Prop: prop, Wrong: wrong, Fix: fix})
}

// errorMetadata is the metadata type that awscdk.Annotations uses for errors. Annotations itself would add a
// stack trace of the CDK's own JavaScript.
const errorMetadata = "aws:cdk:error"

// Report adds each problem to the construct as an error, "PATH: PROP: WRONG; FIX" with the path of the
// construct and the names of SetNames. The CDK CLI prints them all and stops before it deploys anything. The
// program that builds the constructs continues.
func Report(scope constructs.IConstruct, problems []Problem) {
	if len(problems) == 0 {
		return
	}
	names := namesOf(scope)
	for _, p := range problems {
		scope.Node().AddMetadata(jsii.String(errorMetadata), *scope.Node().Path()+": "+names.Problem(p).String(), nil)
	}
}

// IsLiteral reports whether s is set and known at synthesis, so that its form can be checked. Values that
// CloudFormation fills in (tokens) are not known. They are recognized by the marker that every token has in a
// string, because a call to the CDK's process for each prop is slow with many builds:
// https://docs.aws.amazon.com/cdk/v2/guide/tokens.html.
func IsLiteral(s *string) bool {
	return s != nil && !strings.Contains(*s, "${Token[")
}
