// Package s3grant grants exactly the permissions with which a CodeBuild project reads a source from Amazon
// S3.
package s3grant

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
)

// bucketRead is a role that reads a bucket, by its ARN.
type bucketRead struct {
	role      awsiam.IGrantable
	bucketArn string
}

// bucketReads are the grants of readBucket.
var bucketReads perstack.Memo[bucketRead, awsiam.Grant]

// ReadObject lets the role read one object, and the bucket's location and owner, which CodeBuild looks up
// first:
// https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html.
func ReadObject(shared *perstack.Shared, role awsiam.IGrantable, bucketArn, key *string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:GetObject", "s3:GetObjectVersion"),
		ResourceArns: &[]*string{jsii.String(*bucketArn + "/" + *key)},
	})
	readBucket(shared, role, bucketArn)
}

// readBucket adds its statement once per role and bucket.
func readBucket(shared *perstack.Shared, role awsiam.IGrantable, bucketArn *string) {
	bucketReads.Get(shared, bucketRead{role, *bucketArn}, func() awsiam.Grant {
		return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee:      role,
			Actions:      jsii.Strings("s3:GetBucketAcl", "s3:GetBucketLocation"),
			ResourceArns: &[]*string{bucketArn},
		})
	})
}

// ReadWithCLI lets the role read one object with the AWS CLI, which looks up nothing else.
func ReadWithCLI(role awsiam.IGrantable, bucketArn, key *string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:GetObject"),
		ResourceArns: &[]*string{jsii.String(*bucketArn + "/" + *key)},
	})
}
