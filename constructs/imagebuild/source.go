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

	"github.com/layercache/layercache/constructs/validation"
)

// ISource gives a build its files: Source_Directory, Source_S3, or
// Source_CodeBuild for everything else.
type ISource interface {
	// Check returns what is wrong with the source. Nothing is bound then.
	Check() []validation.Problem
	// Bind makes what the source needs below scope, lets the role read exactly
	// that, and returns the source for the CodeBuild project.
	Bind(scope constructs.Construct, role awsiam.IGrantable) awscodebuild.ISource
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

func (s *directorySource) Bind(scope constructs.Construct, role awsiam.IGrantable) awscodebuild.ISource {
	asset := awss3assets.NewAsset(scope, jsii.String("Source"), &awss3assets.AssetProps{Path: absolute(*s.path), Exclude: s.exclude})
	return (&s3Source{bucket: asset.Bucket(), key: asset.S3ObjectKey()}).Bind(scope, role)
}

// absolute resolves a path in this process: the CDK's JavaScript process may
// have been started in another directory.
func absolute(path string) *string {
	if resolved, err := filepath.Abs(path); err == nil {
		path = resolved
	}
	return &path
}

// Source_S3 is a zip in an S3 bucket. The role may read that one object; with a
// KMS key of your own on the bucket, grant the role to decrypt with it.
func Source_S3(bucket awss3.IBucket, key *string) ISource {
	return &s3Source{bucket: bucket, key: key}
}

type s3Source struct {
	bucket awss3.IBucket
	key    *string
}

func (s *s3Source) Check() []validation.Problem {
	if s.bucket == nil || s.key == nil || *s.key == "" {
		return []validation.Problem{{Prop: "Source", Wrong: "the bucket or the key is missing", Fix: "give the bucket and the key of a zip file"}}
	}
	return nil
}

func (s *s3Source) Bind(_ constructs.Construct, role awsiam.IGrantable) awscodebuild.ISource {
	grantObject(role, s.bucket, s.key)
	return awscodebuild.Source_S3(&awscodebuild.S3SourceProps{Bucket: s.bucket, Path: s.key})
}

// Source_CodeBuild is any source that the CDK knows, such as
// awscodebuild.Source_GitHub. grant gives the role what CodeBuild needs to read
// the source; it may be nil for Git hosts that CodeBuild reaches with
// credentials of its own.
func Source_CodeBuild(source awscodebuild.ISource, grant func(role awsiam.IGrantable)) ISource {
	return &codebuildSource{source: source, grant: grant}
}

type codebuildSource struct {
	source awscodebuild.ISource
	grant  func(role awsiam.IGrantable)
}

func (s *codebuildSource) Check() []validation.Problem {
	if s.source == nil {
		return []validation.Problem{{Prop: "Source", Wrong: "is nil", Fix: "give a source, such as awscodebuild.Source_GitHub"}}
	}
	kind := *s.source.Type()
	switch {
	case kind == "NO_SOURCE" || kind == "CODEPIPELINE":
		return []validation.Problem{{Prop: "Source", Wrong: fmt.Sprintf("%s has no files to build", kind), Fix: "give a source with a Dockerfile"}}
	case s.grant == nil && (kind == "S3" || kind == "CODECOMMIT"):
		return []validation.Problem{{
			Prop:  "Source",
			Wrong: fmt.Sprintf("CodeBuild reads %s with the project's role, which has no permission for it", kind),
			Fix:   "use Source_S3 or Source_Directory, or pass a grant function",
		}}
	}
	return nil
}

func (s *codebuildSource) Bind(_ constructs.Construct, role awsiam.IGrantable) awscodebuild.ISource {
	if s.grant != nil {
		s.grant(role)
	}
	return s.source
}

// grantObject lets the role read one object, with the bucket's location and
// owner, which CodeBuild looks up first:
// https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html.
func grantObject(role awsiam.IGrantable, bucket awss3.IBucket, key *string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:GetObject", "s3:GetObjectVersion"),
		ResourceArns: &[]*string{bucket.ArnForObjects(key)},
	})
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:GetBucketAcl", "s3:GetBucketLocation"),
		ResourceArns: &[]*string{bucket.BucketArn()},
	})
}
