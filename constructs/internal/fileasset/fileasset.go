// Package fileasset uploads files and directories that CodeBuild projects read, as assets of the CDK.
package fileasset

import (
	"reflect"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
)

// Asset is an uploaded zip.
type Asset struct {
	Bucket Bucket
	// Key is the object's key, which depends on the content.
	Key *string
}

// Bucket is a bucket for assets.
type Bucket struct {
	Name, ARN *string
	construct awss3.IBucket
}

// New uploads a file, or a directory as a zip, at deployment.
func New(shared *perstack.Shared, scope constructs.Construct, id string, props *awss3assets.AssetProps) *Asset {
	made := awss3assets.NewAsset(scope, &id, props)
	return &Asset{Bucket: bucketOf(shared, made), Key: made.S3ObjectKey()}
}

// Location returns BUCKET/KEY.
func (a *Asset) Location() *string { return jsii.String(*a.Bucket.Name + "/" + *a.Key) }

// Source returns the asset as a source of a CodeBuild project; the identifier of a primary source is empty.
func (a *Asset) Source(identifier string) awscodebuild.ISource {
	props := &awscodebuild.S3SourceProps{Bucket: a.Bucket.construct, Path: a.Key}
	if identifier != "" {
		props.Identifier = &identifier
	}
	return awscodebuild.Source_S3(props)
}

// The bucket of a stack's assets, if there is one for all of them.
var (
	buckets    perstack.Memo[struct{}, Bucket]
	oneBuckets perstack.Memo[struct{}, bool]
)

// bucketOf returns the bucket of an asset.
func bucketOf(shared *perstack.Shared, asset awss3assets.Asset) Bucket {
	ask := func() Bucket {
		name := asset.S3BucketName()
		return Bucket{Name: name, ARN: shared.BucketArn(name), construct: asset.Bucket()}
	}
	if hasOneBucket(shared) {
		return buckets.Get(shared, struct{}{}, ask)
	}
	return ask()
}

// hasOneBucket reports whether all assets of the stack are known to be in one bucket, as with the CDK's default
// synthesizer. Of a synthesizer that the user's program changes, nothing is known.
func hasOneBucket(shared *perstack.Shared) bool {
	return oneBuckets.Get(shared, struct{}{}, func() bool {
		synthesizer := shared.Stack().Synthesizer()
		_, isDefault := synthesizer.(awscdk.DefaultStackSynthesizer)
		return isDefault && reflect.TypeOf(synthesizer).Elem().PkgPath() == reflect.TypeFor[awscdk.StackProps]().PkgPath()
	})
}
