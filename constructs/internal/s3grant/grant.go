// Package s3grant grants exactly the permissions with which a CodeBuild project reads a source from Amazon
// S3.
package s3grant

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// ReadObject lets the role read one object, and the bucket's location and owner, which CodeBuild looks up
// first:
// https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html.
func ReadObject(role awsiam.IGrantable, bucketArn, key *string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:GetObject", "s3:GetObjectVersion"),
		ResourceArns: &[]*string{jsii.String(*bucketArn + "/" + *key)},
	})
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:GetBucketAcl", "s3:GetBucketLocation"),
		ResourceArns: &[]*string{bucketArn},
	})
}
