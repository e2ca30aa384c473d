package nag

import "regexp"

// acceptance is an accepted finding.
type acceptance struct {
	// finding matches a whole "RULE" or "RULE[FINDING]".
	finding *regexp.Regexp
	// reason explains why the finding is acceptable.
	reason string
}

// accepted lists all findings that the constructs may have. They are listed here instead of being suppressed
// in the constructs, because a suppression covers a finding on a whole policy: suppressing "Resource::*"
// would also hide a user's own grant to the same role. Users who run the pack on their app can suppress the
// findings there, with these reasons.
var accepted = []acceptance{
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::\*\]$`),
		"onEveryResource lists the actions that are allowed on \"*\", with the reason",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:ecr:.+:repository/[a-z0-9-]+/\*\]$`),
		"the repositories of a pull-through cache are created by the first pull of each image, so a grant names their prefix",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:s3:::example-layers/layercache/\*\]$`),
		"the layers in a bucket have names made by BuildKit, so a grant names their prefix",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:(logs|codebuild):.+<Project[0-9A-F]{8}>(:|-)\*\]$`),
		"the CDK's own statements for a project that an Attachment gets",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:ec2:.+:network-interface/\*\]$`),
		"CodeBuild creates the network interface; conditions limit the permission to CodeBuild and the subnets of the build",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:.+:lambda:.+:function:[a-z-]+:\*\]$`),
		"a roll-out to an alias reads the state of the version that it publishes, whose number is not known before",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Action::kms:(ReEncrypt|GenerateDataKey)\*\]$`),
		"the CDK's own grant to encrypt and decrypt, on the one key that the user gave for it",
	},
	{
		regexp.MustCompile(`^AwsSolutions-ECR1$`),
		"an organization cannot be a principal, only a condition on \"*\"; TestRepositoriesAreOpenToOrganizationsAtMost checks that condition",
	},
	{
		regexp.MustCompile(`^AwsSolutions-CB4$`),
		"the key of a project encrypts its artifacts and its S3 cache; these projects have neither",
	},
	{
		regexp.MustCompile(`^AwsSolutions-SF[12]$`),
		"the state machine has one step, which its history shows; logs and traces would need permissions on every resource",
	},
}

// onEveryResource lists the actions that are allowed on "*", with the required condition, or "". The actions
// of ECR and CloudWatch do not support resources:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html. CodeBuild
// requires the EC2 actions to run builds in a VPC:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html.
// Those of EC2 are what CodeBuild asks for to run builds in a VPC:
// https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html#customer-managed-policies-example-create-vpc-network-interface.
var onEveryResource = map[string]string{
	"ecr:GetAuthorizationToken":     "",
	"cloudwatch:PutMetricData":      "StringEquals=cloudwatch:namespace=layercache",
	"ec2:CreateNetworkInterface":    "",
	"ec2:DeleteNetworkInterface":    "",
	"ec2:DescribeDhcpOptions":       "",
	"ec2:DescribeNetworkInterfaces": "",
	"ec2:DescribeSecurityGroups":    "",
	"ec2:DescribeSubnets":           "",
	"ec2:DescribeVpcs":              "",
}
