package nag

import "regexp"

// acceptance is a finding that we live with.
type acceptance struct {
	// finding matches "RULE" or "RULE[FINDING]", whole.
	finding *regexp.Regexp
	// reason says why it is as it should be.
	reason string
}

// accepted are all findings that the constructs may have. They are told here
// and not suppressed in the constructs: the finest suppression is one of a
// finding on a whole policy, so that ours of "Resource::*" would silence that
// of a user's own grant to the same role. Who runs the pack on an app suppresses
// them there, with these reasons.
var accepted = []acceptance{
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::\*\]$`),
		"which actions may stand on \"*\", and why, is told at onEveryResource",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:ecr:.+:repository/[a-z0-9-]+/\*\]$`),
		"the repositories of a pull-through cache are made by the first pull of each image, so a grant names their prefix",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:s3:::example-layers/layercache/\*\]$`),
		"the layers in a bucket have names made by BuildKit, so a grant names their prefix",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:ec2:.+:network-interface/\*\]$`),
		"CodeBuild makes the network interface; conditions hold the permission to CodeBuild and the subnets of the build",
	},
	{
		regexp.MustCompile(`^AwsSolutions-IAM5\[Action::kms:(ReEncrypt|GenerateDataKey)\*\]$`),
		"the CDK's own grant to encrypt and decrypt, on the one key that the user gave for it",
	},
	{
		regexp.MustCompile(`^AwsSolutions-ECR1$`),
		"an organization is no principal, but a condition on everybody; that it is there is checked by TestARepositoryIsOpenToOrganizationsAtMost",
	},
	{
		regexp.MustCompile(`^AwsSolutions-CB4$`),
		"the key of a project encrypts its artifacts and its S3 cache; these projects have neither",
	},
	{
		regexp.MustCompile(`^AwsSolutions-SF[12]$`),
		"the state machine has one step, which its history tells of; logs and traces of it would take permissions on every resource",
	},
}

// onEveryResource are the actions that may stand on "*", each with the
// condition that holds it, or "". Those of ECR and CloudWatch know no resource:
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
