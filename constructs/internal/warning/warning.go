// Package warning adds warnings to constructs with every supported version of the CDK.
package warning

import (
	"reflect"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Add adds the message, with the names of validation.SetNames. It calls Annotations.AddWarningV2 without options. It uses reflection because jsii makes a new optional
// parameter a new positional one in Go: since awscdk v2.276.0 the method takes options, of a type that v2.275.0
// does not have.
func Add(scope constructs.IConstruct, id, message string) {
	message = validation.Named(scope, message)
	add := reflect.ValueOf(awscdk.Annotations_Of(scope).AddWarningV2)
	arguments := []reflect.Value{reflect.ValueOf(&id), reflect.ValueOf(&message)}
	for i := len(arguments); i < add.Type().NumIn(); i++ {
		arguments = append(arguments, reflect.Zero(add.Type().In(i)))
	}
	add.Call(arguments)
}

// Note adds a message that is not a warning, with the names of validation.SetNames.
func Note(scope constructs.IConstruct, message string) {
	awscdk.Annotations_Of(scope).AddInfo(jsii.String(validation.Named(scope, message)))
}
