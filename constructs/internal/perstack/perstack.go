// Package perstack keeps what the constructs of one stack have in common, so
// that it is made once for the stack and not once for each build: every
// question to the CDK's JavaScript process takes about as long as a construct.
package perstack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Shared is a construct of the stack that makes no resource. It is in the tree
// so that it lives as long as the stack, and every construct finds it there.
type Shared struct {
	constructs.Construct
	stack  awscdk.Stack
	values map[any]any
}

// sharedID is the id of Shared in its stack.
const sharedID = "LayercacheShared"

// Of is what is shared in the stack of scope.
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

// Once is the value of the key, which is made the first time. Keys have types
// of their own, as those of a context.Context have.
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

// Stack is the stack itself.
func (s *Shared) Stack() awscdk.Stack { return s.stack }

// Account is the account of the stack; it may be a token.
func (s *Shared) Account() *string { return Once(s, property("account"), s.stack.Account) }

// Region is the region of the stack; it may be a token.
func (s *Shared) Region() *string { return Once(s, property("region"), s.stack.Region) }

// BucketArn is the ARN of a bucket in the partition of the stack.
func (s *Shared) BucketArn(name *string) *string {
	return jsii.String("arn:" + *Once(s, property("partition"), s.stack.Partition) + ":s3:::" + *name)
}

// ownRole is the key of a role that is made in the stack.
type ownRole struct{ role awsiam.IGrantable }

// Adopt notes that the role is made in the stack, so that nobody need ask for
// its account and region.
func (s *Shared) Adopt(role awsiam.Role) awsiam.Role {
	s.values[ownRole{role}] = true
	return role
}

// Made tells whether the grantee is a role that Adopt noted.
func (s *Shared) Made(grantee awsiam.IGrantable) bool {
	return s.values[ownRole{grantee}] != nil
}
