// Package ecrgrant grants exactly the actions that pulling from and pushing to an Amazon ECR repository need.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
// lists the actions. They are fewer than those of GrantPull and GrantPullPush of awsecr.Repository.
package ecrgrant

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
)

// PullActions returns the actions that a pull needs.
func PullActions() []*string {
	return []*string{
		jsii.String("ecr:BatchGetImage"),
		jsii.String("ecr:GetDownloadUrlForLayer"),
	}
}

// PushActions returns the actions that a push needs, including PullActions.
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

// logins are the grants of Login, by grantee.
var logins perstack.Memo[awsiam.IGrantable, awsiam.Grant]

// Login lets the grantee get a registry token. The action supports no resource, so the statement allows it on
// "*". It is added once per grantee and stack.
func Login(shared *perstack.Shared, grantee awsiam.IGrantable) awsiam.Grant {
	return logins.Get(shared, grantee, func() awsiam.Grant {
		return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee:      grantee,
			Actions:      jsii.Strings("ecr:GetAuthorizationToken"),
			ResourceArns: jsii.Strings("*"),
		})
	})
}

// Principal returns the principal of the grantee. For a role that is the role itself, without a call to the
// CDK's process.
func Principal(grantee awsiam.IGrantable) awsiam.IPrincipal {
	if role, ok := grantee.(awsiam.Role); ok {
		return role
	}
	return grantee.GrantPrincipal()
}
