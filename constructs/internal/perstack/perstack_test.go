package perstack_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

var numbers, others perstack.Memo[string, int]

func TestAValueIsCreatedOncePerStackAndKey(t *testing.T) {
	app := awscdk.NewApp(nil)
	stack, other := awscdk.NewStack(app, jsii.String("One"), nil), awscdk.NewStack(app, jsii.String("Other"), nil)
	made := 0
	number := func() int { made++; return made }
	assert.Equal(t, 1, numbers.Get(perstack.SharedOf(stack), "a", number))
	assert.Equal(t, 2, numbers.Get(perstack.SharedOf(stack), "b", number))
	assert.Equal(t, 3, numbers.Get(perstack.SharedOf(other), "a", number), "another stack has its own values")
	assert.Equal(t, 4, others.Get(perstack.SharedOf(stack), "a", number), "another memo has its own values")

	below := constructs.NewConstruct(stack, jsii.String("Below"))
	assert.Equal(t, 1, numbers.Get(perstack.SharedOf(below), "a", number), "a construct finds the values of its stack")
	assert.Same(t, perstack.SharedOf(stack), perstack.SharedOf(below))
	assert.Same(t, perstack.SharedOf(stack), perstack.SharedOf(other).ForStackOf(below), "another stack finds them by a construct")
}

// userStack is a stack of a user's program, which is another value in Go than the stack that it embeds.
type userStack struct{ awscdk.Stack }

func (s *userStack) Owner() string { return "a team" }

func TestAStackThatAUserEmbedsHasOneSharedValue(t *testing.T) {
	stack := &userStack{}
	awscdk.NewStack_Override(stack, awscdk.NewApp(nil), jsii.String("Stack"), nil)
	assert.Same(t, perstack.SharedOf(stack), perstack.SharedOf(stack.Stack))
	assert.Same(t, perstack.SharedOf(stack), perstack.SharedOf(constructs.NewConstruct(stack, jsii.String("Below"))))
}

func TestAccountRegionAndBucketArnOfAStack(t *testing.T) {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Stack"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111111111111"), Region: jsii.String("eu-west-1")},
	})
	shared := perstack.SharedOf(stack)
	assert.Equal(t, "111111111111", *shared.Account())
	assert.Equal(t, "eu-west-1", *shared.Region())
	arn := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("s3"), Resource: jsii.String("bucket"), Account: jsii.String(""), Region: jsii.String(""), ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME,
	})
	assert.Equal(t, stack.Resolve(arn), stack.Resolve(shared.BucketArn(jsii.String("bucket"))))
}

func TestARoleOfAnotherStackIsNotMadeInThisOne(t *testing.T) {
	app := awscdk.NewApp(nil)
	stack, other := awscdk.NewStack(app, jsii.String("One"), nil), awscdk.NewStack(app, jsii.String("Other"), nil)
	props := &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil)}
	role := perstack.SharedOf(stack).Adopt(awsiam.NewRole(stack, jsii.String("Role"), props))
	assert.True(t, perstack.SharedOf(stack).Adopted(role))
	assert.True(t, perstack.SharedOf(stack).Adopted(role.GrantPrincipal().(awsiam.Role)), "also if the CDK returns the role from a call")
	assert.False(t, perstack.SharedOf(other).Adopted(role))
	assert.False(t, perstack.SharedOf(stack).Adopted(awsiam.NewRole(stack, jsii.String("Second"), props)))
}

func TestSharedValuesAddNothingToTheTemplate(t *testing.T) {
	stack := synthtest.Stack()
	perstack.SharedOf(stack).Account()
	template := assertions.Template_FromStack(stack, nil).ToJSON()
	assert.NotContains(t, *template, "Resources")
}
