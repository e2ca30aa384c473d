package imagebuild

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
)

// functionKind is a use of the program for AWS Lambda. Each has functions and roles of its own.
type functionKind struct {
	// id is the id of the construct in the stack.
	id string
	// description is that of the function, and role that of its role.
	description, role string
	// timeout is in seconds.
	timeout float64
	// users is the number of users of one function. Their policies have to fit into its role, which has room for
	// 10,240 characters.
	users int
}

var (
	// deployFunction starts the builds of a stack's deployment. Its users are image builds.
	deployFunction = functionKind{
		id:          "LayercacheDeploy",
		description: "Starts image builds when the stack is deployed, and answers CloudFormation if they cannot (layercache)",
		role:        "Starts image builds when the stack is deployed (layercache)",
		timeout:     180,
		users:       12,
	}
	// rollOutFunction rolls images out. Its users are services and functions. It waits until AWS Lambda has taken an
	// image.
	rollOutFunction = functionKind{
		id:          "LayercacheRollOut",
		description: "Rolls the images of builds out to services and functions (layercache)",
		role:        "Rolls the images of builds out to services and functions (layercache)",
		timeout:     600,
		users:       9,
	}
)

// stackFunction is an AWS Lambda function that layercache adds to a stack.
type stackFunction struct {
	constructs.Construct
	arn  *string
	role awsiam.Role
	// users is the number of its users.
	users int
	// asInterface is the result of imported.
	asInterface awslambda.IFunction
}

// stackFunctions are the functions of a stack, by kind.
var stackFunctions perstack.Memo[functionKind, *[]*stackFunction]

// stackFunctionOf returns the function for one more user in the stack, and makes it if necessary.
func stackFunctionOf(shared *perstack.Shared, kind functionKind, zip string) *stackFunction {
	made := stackFunctions.Get(shared, kind, func() *[]*stackFunction { return &[]*stackFunction{} })
	if n := len(*made); n == 0 || (*made)[n-1].users == kind.users {
		id := kind.id
		if n > 0 {
			id += strconv.Itoa(n + 1)
		}
		*made = append(*made, newStackFunction(constructs.NewConstruct(shared.Stack(), &id), kind, zip))
	}
	function := (*made)[len(*made)-1]
	function.users++
	return function
}

// newStackFunction makes a function that may only write its log. Each user adds a policy to its role.
func newStackFunction(scope constructs.Construct, kind functionKind, zip string) *stackFunction {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: &kind.role,
		// AWS Lambda is not documented to pass aws:SourceAccount. A function can only have a role of its account.
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	logs := awslogs.NewLogGroup(scope, jsii.String("Logs"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_ONE_MONTH, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	write := logs.GrantWrite(role)
	code := awss3assets.NewAsset(scope, jsii.String("Code"), &awss3assets.AssetProps{Path: &zip})
	function := awslambda.NewCfnFunction(scope, jsii.String("Function"), &awslambda.CfnFunctionProps{
		Description:   &kind.description,
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Architectures: jsii.Strings("arm64"),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: code.S3BucketName(), S3Key: code.S3ObjectKey()},
		Role:          role.RoleArn(),
		MemorySize:    jsii.Number(256),
		Timeout:       &kind.timeout,
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogGroup: logs.LogGroupName()},
	})
	write.ApplyBefore(function)
	return &stackFunction{Construct: scope, arn: function.AttrArn(), role: role}
}

// imported returns the function for a user's program, such as for an alarm on its metrics.
func (f *stackFunction) imported() awslambda.IFunction {
	if f.asInterface == nil {
		f.asInterface = awslambda.Function_FromFunctionAttributes(f.Construct, jsii.String("Imported"), &awslambda.FunctionAttributes{
			FunctionArn: f.arn, SameEnvironment: jsii.Bool(true),
		})
	}
	return f.asInterface
}
