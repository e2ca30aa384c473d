// Package perstack holds the values that the constructs of a stack share, so that they are created once per
// stack and not once per build: each call to the CDK's JavaScript process takes about as long as creating a
// construct.
package perstack

import (
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Shared holds the shared values of a stack. It is a construct without resources in the construct tree, so
// that it lives as long as the stack and every construct finds it.
type Shared struct {
	constructs.Construct
	stack                      awscdk.Stack
	account, region, partition *string
	environment, path          *string
	root                       constructs.Node
	// others are the answers of ForStackOf.
	others map[constructs.IConstruct]*Shared
	// roles are the roles that Adopt recorded.
	roles map[awsiam.IGrantable]bool
	// values has a map[K]V for each *Memo[K, V].
	values map[any]any
}

// sharedID is the id of Shared in its stack.
const sharedID = "LayercacheShared"

// found are the answers of SharedOf by stack, an awscdk.Stack. The runtime of jsii keeps stacks and their
// constructs as long as the process, so this map keeps nothing longer.
var found sync.Map

// SharedOf returns the shared values of scope's stack.
func SharedOf(scope constructs.Construct) *Shared {
	stack, ok := scope.(awscdk.Stack)
	if !ok {
		stack = awscdk.Stack_Of(scope)
	}
	if s, ok := found.Load(stack); ok {
		return s.(*Shared)
	}
	s := inTree(stack)
	found.Store(stack, s)
	return s
}

// inTree returns the construct with the shared values of the stack, and makes it the first time. A stack that
// a user's type embeds has several values in Go and one place in the tree.
func inTree(stack awscdk.Stack) *Shared {
	if made, ok := stack.Node().TryFindChild(jsii.String(sharedID)).(*Shared); ok {
		return made
	}
	s := &Shared{stack: stack, others: map[constructs.IConstruct]*Shared{}, roles: map[awsiam.IGrantable]bool{}, values: map[any]any{}}
	constructs.NewConstruct_Override(s, stack, jsii.String(sharedID))
	return s
}

// ForStackOf returns the shared values of the stack of a construct that may be in another stack.
func (s *Shared) ForStackOf(construct constructs.IConstruct) *Shared {
	other, ok := s.others[construct]
	if !ok {
		other = SharedOf(awscdk.Stack_Of(construct))
		s.others[construct] = other
	}
	return other
}

// Holds notes that a construct is in this stack, so that ForStackOf need not ask for it.
func (s *Shared) Holds(construct constructs.IConstruct) { s.others[construct] = s }

// Memo is a kind of value that is created once per stack and key. Each kind is declared as a package variable
// with the types of its keys and values.
type Memo[K comparable, V any] struct {
	_ byte // pointers to different memos must differ
}

// Get returns the value of the key in the stack, and creates it the first time.
func (m *Memo[K, V]) Get(s *Shared, key K, create func() V) V {
	values, ok := s.values[m].(map[K]V)
	if !ok {
		values = map[K]V{}
		s.values[m] = values
	}
	value, ok := values[key]
	if !ok {
		value = create()
		values[key] = value
	}
	return value
}

// Stack returns the stack.
func (s *Shared) Stack() awscdk.Stack { return s.stack }

// Account returns the account of the stack; it may be a token.
func (s *Shared) Account() *string { return once(&s.account, s.stack.Account) }

// Region returns the region of the stack; it may be a token.
func (s *Shared) Region() *string { return once(&s.region, s.stack.Region) }

// Environment returns the account and region of the stack as one text, in which "unknown-" stands for what is
// not known at synthesis.
func (s *Shared) Environment() *string { return once(&s.environment, s.stack.Environment) }

// Path returns the path of the stack in the construct tree.
func (s *Shared) Path() *string {
	return once(&s.path, func() *string { return s.stack.Node().Path() })
}

// Root returns the root of the construct tree.
func (s *Shared) Root() constructs.Node {
	if s.root == nil {
		s.root = s.stack.Node().Root().Node()
	}
	return s.root
}

// BucketArn returns the ARN of a bucket in the partition of the stack.
func (s *Shared) BucketArn(name *string) *string {
	return jsii.String("arn:" + *once(&s.partition, s.stack.Partition) + ":s3:::" + *name)
}

func once(value **string, ask func() *string) *string {
	if *value == nil {
		*value = ask()
	}
	return *value
}

// Adopt records that the role is created in the stack, which saves calls for its account and region.
func (s *Shared) Adopt(role awsiam.Role) awsiam.Role {
	s.roles[role] = true
	return role
}

// Adopted reports whether the grantee is a role that Adopt recorded.
func (s *Shared) Adopted(grantee awsiam.IGrantable) bool { return s.roles[grantee] }
