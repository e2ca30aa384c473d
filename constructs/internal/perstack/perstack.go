// Package perstack holds the values that the constructs of a stack share, so that they are created once per
// stack and not once per build: each call to the CDK's JavaScript process takes about as long as creating a
// construct.
package perstack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Shared is a construct without resources. It is in the construct tree, so that it lives as long as the stack
// and every construct finds it.
type Shared struct {
	constructs.Construct
	stack  awscdk.Stack
	values map[any]any
}

// sharedID is the id of Shared in its stack.
const sharedID = "LayercacheShared"

// Of returns the shared values of scope's stack.
func Of(scope constructs.Construct) *Shared {
	stack, ok := scope.(awscdk.Stack)
	if !ok {
		stack = awscdk.Stack_Of(scope)
	}
	if made, ok := stack.Node().TryFindChild(jsii.String(sharedID)).(*Shared); ok {
		return made
	}
	s := &Shared{stack: stack, values: map[any]any{}}
	constructs.NewConstruct_Override(s, stack, jsii.String(sharedID))
	return s
}

// Once returns the value of the key, and creates it the first time. Keys have their own types, like keys of a
// context.Context.
func Once[T any](s *Shared, key any, make func() T) T {
	if value, ok := s.values[key]; ok {
		return value.(T)
	}
	value := make()
	s.values[key] = value
	return value
}

// property is the key of a property of the stack.
type property string

// Stack returns the stack.
func (s *Shared) Stack() awscdk.Stack { return s.stack }

// Account returns the account of the stack; it may be a token.
func (s *Shared) Account() *string { return Once(s, property("account"), s.stack.Account) }

// Region returns the region of the stack; it may be a token.
func (s *Shared) Region() *string { return Once(s, property("region"), s.stack.Region) }

// BucketArn returns the ARN of a bucket in the partition of the stack.
func (s *Shared) BucketArn(name *string) *string {
	return jsii.String("arn:" + *Once(s, property("partition"), s.stack.Partition) + ":s3:::" + *name)
}

// ownRole is the key of a role that is created in the stack.
type ownRole struct{ role awsiam.IGrantable }

// Adopt records that the role is created in the stack, which saves calls for its account and region.
func (s *Shared) Adopt(role awsiam.Role) awsiam.Role {
	s.values[ownRole{role}] = true
	return role
}

// Made reports whether the grantee is a role that Adopt recorded.
func (s *Shared) Made(grantee awsiam.IGrantable) bool {
	return s.values[ownRole{grantee}] != nil
}
