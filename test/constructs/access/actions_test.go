package access

import "strings"

// action is something that a principal may want to do, with all IAM actions that a client needs for it.
type action struct {
	name string
	iam  []string
}

// Docker, BuildKit and a cache export push in the same way.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
var (
	signIn = "ecr:GetAuthorizationToken"
	pull   = action{"pull", []string{signIn, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}}
	push   = action{"push", []string{signIn, "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload",
		"ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"}}
	// A manifest whose layers exist already needs no upload.
	overwrite = action{"overwrite a tag", []string{"ecr:PutImage"}}
	remove    = action{"delete an image", []string{"ecr:BatchDeleteImage"}}
	// The creator of a base image's repository chooses its settings, except its policies.
	createRepository = "ecr:CreateRepository"
	govern           = action{"change the policy", []string{"ecr:SetRepositoryPolicy"}}
)

// kind is a type of target: the actions that can be tried on it.
type kind []action

var kinds = map[string]kind{
	"repository": {pull, push, overwrite, remove, govern},
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
	"pull-through": {
		{"first pull", append([]string{"ecr:BatchImportUpstreamImage", createRepository}, pull.iam...)},
		{"later pull", append([]string{"ecr:BatchImportUpstreamImage"}, pull.iam...)},
		{"create the repository", []string{createRepository}},
		push, overwrite, remove, govern,
	},
	"log": {
		{"write", []string{"logs:CreateLogStream", "logs:PutLogEvents"}},
		{"read", []string{"logs:GetLogEvents"}},
		{"delete", []string{"logs:DeleteLogGroup"}},
	},
	"project": {
		{"start a build", []string{"codebuild:StartBuild"}},
		{"change", []string{"codebuild:UpdateProject"}},
	},
	"secret": {{"read", []string{"secretsmanager:GetSecretValue"}}},
	// https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html
	"object": {
		{"read", []string{"s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketAcl", "s3:GetBucketLocation"}},
		{"replace", []string{"s3:PutObject"}},
	},
	// What a buildspec reads with the AWS CLI.
	"zip": {
		{"read", []string{"s3:GetObject"}},
		{"replace", []string{"s3:PutObject"}},
	},
	"parameter": {
		{"read in a build", []string{"ssm:GetParameters"}},
		{"change", []string{"ssm:PutParameter"}},
	},
	"other object": {
		{"read", []string{"s3:GetObject"}},
		{"list", []string{"s3:ListBucket"}},
	},
	"bucket": {{"read its settings", []string{"s3:GetBucketAcl"}}},
	"connection": {
		{"use", []string{"codeconnections:GetConnection", "codeconnections:GetConnectionToken"}},
		{"delete", []string{"codeconnections:DeleteConnection"}},
	},
	"metrics": {{"send", []string{"cloudwatch:PutMetricData"}}},
	"builds": {
		{"start", []string{"codebuild:StartBuild"}},
		{"stop", []string{"codebuild:StopBuild"}},
		{"see how they ended", []string{"codebuild:BatchGetBuilds"}},
		{"delete", []string{"codebuild:BatchDeleteBuilds"}},
	},
	"ticket": {
		{"read in a build", []string{"ssm:GetParameters"}},
		{"write", []string{"ssm:PutParameter"}},
		{"read", []string{"ssm:GetParameter"}},
		{"remove", []string{"ssm:DeleteParameter"}},
		{"read earlier values", []string{"ssm:GetParameterHistory"}},
	},
	"images": {{"look for one", []string{"ecr:DescribeImages"}}},
	"service": {
		{"start a deployment", []string{"ecs:UpdateService"}},
		{"remove", []string{"ecs:DeleteService"}},
	},
	"function": {
		{"update the image", []string{"lambda:UpdateFunctionCode", "lambda:GetFunctionConfiguration"}},
		{"move an alias", []string{"lambda:GetAlias", "lambda:PublishVersion", "lambda:UpdateAlias"}},
		{"change its settings", []string{"lambda:UpdateFunctionConfiguration"}},
		{"call", []string{"lambda:InvokeFunction"}},
	},
	"version": {
		{"read its state", []string{"lambda:GetFunctionConfiguration"}},
		{"remove", []string{"lambda:DeleteFunction"}},
	},
	"role": {
		{"assume", []string{"sts:AssumeRole"}},
		{"set session tags", []string{"sts:TagSession"}},
	},
}

// resourceOf returns the ARN to ask about for an IAM action, and the account of the resource.
func (t target) resourceOf(action string, by principal) (arn, account string) {
	switch {
	case action == signIn:
		return "*", by.account
	case action == "cloudwatch:PutMetricData":
		return "*", t.account
	case strings.HasPrefix(action, "s3:GetBucket"), action == "s3:ListBucket":
		bucket, _, _ := strings.Cut(t.arn, "/")
		return bucket, t.account
	default:
		return t.arn, t.account
	}
}
