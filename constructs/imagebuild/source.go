package imagebuild

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/internal/s3grant"
	"github.com/layercache/layercache/constructs/validation"
)

// ISource gives a build its files. The functions Source_… make one.
type ISource interface {
	// Check returns what is wrong with the source. Nothing is bound then.
	Check() []validation.Problem
	// Kind is CodeBuild's type of the source, such as "GITHUB".
	Kind() string
	// Bind makes what the source needs below scope, lets the role read exactly
	// that, and returns the source of the CodeBuild project.
	Bind(scope constructs.Construct, role awsiam.IGrantable) *BoundSource
}

// BoundSource is the source of a CodeBuild project.
type BoundSource struct {
	// Property is the source, without its buildspec.
	Property *awscodebuild.CfnProject_SourceProperty
	// Version is the branch, commit or tag; nil is the source's own default.
	Version *string
}

// DirectoryOptions are the options of Source_Directory.
type DirectoryOptions struct {
	// Exclude are glob patterns of files that stay out of the upload.
	// Default: .git, cdk.out and node_modules.
	Exclude *[]*string
}

// Source_Directory is a local directory. The CDK CLI uploads it as a zip when
// it deploys, and the role may read that one object.
func Source_Directory(path *string, options *DirectoryOptions) ISource {
	if options == nil {
		options = &DirectoryOptions{}
	}
	exclude := options.Exclude
	if exclude == nil {
		exclude = jsii.Strings(".git", "cdk.out", "node_modules")
	}
	return &directorySource{path: path, exclude: exclude}
}

type directorySource struct {
	path    *string
	exclude *[]*string
}

func (s *directorySource) Kind() string { return kindS3 }

func (s *directorySource) Check() []validation.Problem {
	const fix = "give the path of a directory, absolute or relative to the one that cdk runs in"
	if s.path == nil || *s.path == "" {
		return []validation.Problem{{Prop: "Source", Wrong: "the directory is missing", Fix: fix}}
	}
	info, err := os.Stat(*s.path)
	if err != nil || !info.IsDir() {
		return []validation.Problem{{Prop: "Source", Wrong: fmt.Sprintf("%q is not a directory", *s.path), Fix: fix}}
	}
	return nil
}

func (s *directorySource) Bind(scope constructs.Construct, role awsiam.IGrantable) *BoundSource {
	asset := awss3assets.NewAsset(scope, jsii.String("Source"), &awss3assets.AssetProps{Path: absolute(*s.path), Exclude: s.exclude})
	bucket, key := asset.S3BucketName(), asset.S3ObjectKey()
	s3grant.ReadObject(role, sharedOf(scope).BucketArn(bucket), key)
	return inBucket(bucket, key)
}

// sharedOf is what is shared in the stack of scope. A build knows it.
func sharedOf(scope constructs.Construct) *perstack.Shared {
	if b, ok := scope.(*ImageBuild); ok {
		return b.shared
	}
	return perstack.SharedOf(scope)
}

// absolute resolves a path in this process: the CDK's JavaScript process may
// have been started in another directory.
func absolute(path string) *string {
	if resolved, err := filepath.Abs(path); err == nil {
		path = resolved
	}
	return &path
}

// Source_S3 is a zip in an S3 bucket. The role may read that one object, and
// decrypt it where the bucket names its KMS key.
func Source_S3(bucket awss3.IBucket, key *string) ISource {
	return &s3Source{bucket: bucket, key: key}
}

type s3Source struct {
	bucket awss3.IBucket
	key    *string
}

func (s *s3Source) Kind() string { return kindS3 }

func (s *s3Source) Check() []validation.Problem {
	if s.bucket == nil || s.key == nil || *s.key == "" {
		return []validation.Problem{{Prop: "Source", Wrong: "the bucket or the key is missing", Fix: "give the bucket and the key of a zip file"}}
	}
	return nil
}

func (s *s3Source) Bind(_ constructs.Construct, role awsiam.IGrantable) *BoundSource {
	s3grant.ReadObject(role, s.bucket.BucketArn(), s.key)
	if key := s.bucket.EncryptionKey(); key != nil {
		key.Grant(role, jsii.String("kms:Decrypt"))
	}
	return inBucket(s.bucket.BucketName(), s.key)
}

func inBucket(name, key *string) *BoundSource {
	location := *name + "/" + *key
	return &BoundSource{Property: &awscodebuild.CfnProject_SourceProperty{Type: jsii.String(kindS3), Location: &location}}
}

// Source_None has no files of its own: Context is then the URL of a Git
// repository, or whoever starts a build gives it a source (sourceTypeOverride
// and sourceLocationOverride of StartBuild), which the role must be let read.
func Source_None() ISource { return noSource{} }

type noSource struct{}

func (noSource) Kind() string { return kindNone }

func (noSource) Check() []validation.Problem { return nil }

func (noSource) Bind(constructs.Construct, awsiam.IGrantable) *BoundSource {
	return &BoundSource{Property: &awscodebuild.CfnProject_SourceProperty{Type: jsii.String(kindNone)}}
}
