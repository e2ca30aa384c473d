package access

import "strings"

// action is what somebody wants to do, and the IAM actions that the client needs
// for it, all of them.
type action struct {
	name string
	iam  []string
}

// The push of an image is the same for docker, BuildKit and a cache.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
var (
	signIn = "ecr:GetAuthorizationToken"
	pull   = action{"pull", []string{signIn, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}}
	push   = action{"push", []string{signIn, "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload",
		"ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"}}
	// A manifest of layers that are there already needs no upload.
	overwrite = action{"overwrite a tag", []string{"ecr:PutImage"}}
	remove    = action{"delete an image", []string{"ecr:BatchDeleteImage"}}
	// Whoever creates the repository of a base image chooses its settings, but for its policies.
	createRepository = "ecr:CreateRepository"
	govern           = action{"change the policy", []string{"ecr:SetRepositoryPolicy"}}
)

// kind is a sort of things, by what can be done with them.
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
	"role": {
		{"take", []string{"sts:AssumeRole"}},
		{"give its session tags", []string{"sts:TagSession"}},
	},
}

// resourceOf is the resource that an IAM action is asked about, and the account
// that it is in.
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
