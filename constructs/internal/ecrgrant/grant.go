// Package ecrgrant holds the exact action lists of pulling from and pushing to
// an Amazon ECR repository, and grants them.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
// lists the actions. They are narrower than GrantPull and GrantPullPush of
// awsecr.Repository.
package ecrgrant

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
)

// PullActions are needed to pull from a repository.
func PullActions() []*string {
	return []*string{
		jsii.String("ecr:BatchGetImage"),
		jsii.String("ecr:GetDownloadUrlForLayer"),
	}
}

// PushActions are needed to push to a repository; they include PullActions.
func PushActions() []*string {
	return append(PullActions(),
		jsii.String("ecr:BatchCheckLayerAvailability"),
		jsii.String("ecr:InitiateLayerUpload"),
		jsii.String("ecr:UploadLayerPart"),
		jsii.String("ecr:CompleteLayerUpload"),
		jsii.String("ecr:PutImage"),
	)
}

// Pull lets the grantee log in and pull from the repository.
func Pull(shared *perstack.Shared, repository awsecr.IRepository, grantee awsiam.IGrantable) {
	Login(shared, grantee)
	repository.Grant(grantee, PullActions()...)
}

// Push lets the grantee log in, pull from and push to the repository.
func Push(shared *perstack.Shared, repository awsecr.IRepository, grantee awsiam.IGrantable) {
	Login(shared, grantee)
	repository.Grant(grantee, PushActions()...)
}

// login is the key of a grantee's Login.
type login struct{ grantee awsiam.IGrantable }

// Login lets the grantee get a registry token. The action has no resource, so
// the statement is on "*"; it is given once for all that a stack grants.
func Login(shared *perstack.Shared, grantee awsiam.IGrantable) awsiam.Grant {
	return perstack.Once(shared, login{grantee}, func() awsiam.Grant {
		return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee:      grantee,
			Actions:      jsii.Strings("ecr:GetAuthorizationToken"),
			ResourceArns: jsii.Strings("*"),
		})
	})
}

// Principal is the principal of the grantee. A role is its own, which need not
// be asked for.
func Principal(grantee awsiam.IGrantable) awsiam.IPrincipal {
	if role, ok := grantee.(awsiam.Role); ok {
		return role
	}
	return grantee.GrantPrincipal()
}
