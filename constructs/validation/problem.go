// Package validation stops a synthesis with every problem of a construct's
// props at once, in the CDK's own error lines and without a stack trace.
package validation

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Problem is one thing that is wrong with the props of a construct.
type Problem struct {
	// Prop is the prop as the caller wrote it, such as "Upstreams[0].Prefix".
	Prop string
	// Wrong says what is wrong with it, with the value.
	Wrong string
	// Fix says what to write instead.
	Fix string
}

// String is the problem as one line, without the path of the construct.
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s; %s", p.Prop, p.Wrong, p.Fix)
}

// errorMetadata is the type of metadata by which awscdk.Annotations tell the
// CDK CLI of an error. Annotations themselves would add the place in the CDK's
// own JavaScript from which they were called.
const errorMetadata = "aws:cdk:error"

// Report adds each problem to the construct as an error, "PATH: PROP: WRONG;
// FIX" with the path of the construct. The CDK CLI prints them all and stops
// before anything is deployed; the program that builds the constructs is never
// interrupted.
func Report(scope constructs.IConstruct, problems []Problem) {
	for _, p := range problems {
		scope.Node().AddMetadata(jsii.String(errorMetadata), *scope.Node().Path()+": "+p.String(), nil)
	}
}

// IsLiteral tells whether s is set and known at synthesis, which is when its
// form can be checked: values that CloudFormation fills in are not. It knows
// them by the marker that every such value has in a string, because a question
// to the CDK's process for each prop is what takes the time with many builds:
// https://docs.aws.amazon.com/cdk/v2/guide/tokens.html.
func IsLiteral(s *string) bool {
	return s != nil && !strings.Contains(*s, "${Token[")
}
