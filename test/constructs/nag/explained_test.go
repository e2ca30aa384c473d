package nag

import "regexp"

// explanation is a finding of checkov or parliament that is as it should be.
type explanation struct {
	// finding matches the whole of "checkov CHECK TYPE.ID" or "parliament ISSUE PROPERTY DETAIL".
	finding *regexp.Regexp
	reason  string
}

// explained are all findings of checkov and parliament that the templates may have, as accepted are those of cdk-nag.
var explained = []explanation{
	{
		regexp.MustCompile(`^checkov CKV_AWS_51 AWS::ECR::Repository\.[A-Za-z]*Cache[a-z]*Repository[0-9A-F]{8}$`),
		"a build writes its cache under the tag that it read it from, so tags of caches are overwritten",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_51 AWS::ECR::Repository\.[A-Za-z]+Image[0-9A-F]{8}$`),
		"\"latest\" moves, and a commit that is built again pushes its tag again: docs/decisions.md, \"Image tags stay mutable\"",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_163 AWS::ECR::Repository\.[A-Za-z]*Cache[a-z]*Repository[0-9A-F]{8}$`),
		"a cache is not an image: ECR's scan of one ends as unsupported. Repositories of images are scanned",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_136 AWS::ECR::Repository\.[A-Za-z]+[0-9A-F]{8}$`),
		"encrypted with AES-256 and keys that ECR owns; Encryption and EncryptionKey choose KMS, which costs money and cannot be changed in a repository later",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_158 AWS::Logs::LogGroup\.[A-Za-z]+Logs[0-9A-F]{8}$`),
		"encrypted with keys that CloudWatch Logs owns; EncryptionKey chooses one of the account",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_32 AWS::ECR::Repository\.Cache(dev|prod)Repository[0-9A-F]{8}$`),
		"an organization is not a principal but a condition on any principal; TestARepositoryIsOpenToOrganizationsAtMost checks that the condition is there",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_111 AWS::IAM::Policy\.Shop(PullRequest)?RoleDefaultPolicy[0-9A-F]{8}$`),
		"the write actions on \"*\" are those of EC2 at onEveryResource, which CodeBuild asks for in a VPC",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_115 AWS::Lambda::Function\.Layercache(Deploy|RollOut)Function[0-9A-F]{8}$`),
		"reserved concurrency is taken from the account's; only CloudFormation and the ends of builds call the functions",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_116 AWS::Lambda::Function\.LayercacheDeployFunction[0-9A-F]{8}$`),
		"an event that fails three times needs nobody: CloudFormation then times out and rolls back",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_116 AWS::Lambda::Function\.LayercacheRollOutFunction[0-9A-F]{8}$`),
		"an event that fails three times is counted by the metric Errors, and the next build rolls out",
	},
	{
		regexp.MustCompile(`^checkov CKV_AWS_117 AWS::Lambda::Function\.Layercache(Deploy|RollOut)Function[0-9A-F]{8}$`),
		"the functions call only AWS's own services and CloudFormation's response URL",
	},
	{
		regexp.MustCompile(`^parliament RESOURCE_STAR PolicyDocument \["ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface"\]$`),
		"the actions of EC2 at onEveryResource, which CodeBuild asks for in a VPC",
	},
	{
		regexp.MustCompile(`^parliament RESOURCE_MISMATCH (PolicyDocument|PolicyText) \[\{"action":"ecr:BatchImportUpstreamImage","required_format":"\*"\}\]$`),
		"parliament 1.6.4 does not know that the action has repositories as its resources: " +
			"https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html",
	},
	{
		regexp.MustCompile(`^parliament RESOURCE_STAR KeyPolicy \["kms:.+"\]$`),
		"in the policy of a key, \"*\" is the key",
	},
	{
		regexp.MustCompile(`^parliament MISMATCHED_TYPE KeyPolicy "Type mismatch: ArnLike requires a value of type Arn but given String"$`),
		"the encryption context of CloudWatch Logs is an ARN, and AWS's own example compares it with ArnLike: " +
			"https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
	},
	{
		regexp.MustCompile(`^parliament UNKNOWN_CONDITION_FOR_ACTION KeyPolicy "Unknown condition kms:EncryptionContext:aws:logs:arn for action kms:DescribeKey"$`),
		"AWS's own example has kms:Describe* under the condition: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html; " +
			"where it takes away the action, that is less and not more",
	},
}
