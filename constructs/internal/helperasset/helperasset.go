// Package helperasset gives CodeBuild projects the helper: the zip with the
// programs layercache and buildkitd, which CodeBuild unpacks as a secondary
// source.
package helperasset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/internal/s3grant"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/bundle"
)

// Identifier names the secondary source; a buildspec finds the unpacked helper
// in $CODEBUILD_SRC_DIR_layercache.
const Identifier = "layercache"

// prop is the prop of every construct that takes a prebuilt zip.
const prop = "HelperZip"

// built compiles the helper for each architecture at most once in a process.
// Progress goes to standard error, where the CDK CLI passes it on.
var built = map[string]func() (string, error){"amd64": compile("amd64"), "arm64": compile("arm64")}

func compile(arch string) func() (string, error) {
	return sync.OnceValues(func() (string, error) { return bundle.Build(context.Background(), arch, os.Stderr) })
}

// Check returns what is wrong with the path of a prebuilt zip; nil is right.
func Check(prebuilt *string) []validation.Problem {
	if prebuilt == nil {
		return nil
	}
	if info, err := os.Stat(*prebuilt); err == nil && info.Mode().IsRegular() {
		return nil
	}
	return []validation.Problem{{
		Prop:  prop,
		Wrong: fmt.Sprintf("%q is not a file", *prebuilt),
		Fix:   "give the path of a zip with layercache and buildkitd, or leave the prop out to compile them",
	}}
}

// Zip returns the path of the helper for linux/arch, "amd64" or "arm64": the
// prebuilt one, or else one that is compiled from this module's source.
func Zip(prebuilt *string, arch string) (string, *validation.Problem) {
	if prebuilt != nil {
		return *prebuilt, nil
	}
	build, ok := built[arch]
	if !ok {
		return "", &validation.Problem{Prop: prop, Wrong: fmt.Sprintf("there is no helper for linux/%s", arch), Fix: "use amd64 or arm64"}
	}
	path, err := build()
	if err != nil {
		return "", &validation.Problem{
			Prop:  prop,
			Wrong: fmt.Sprintf("compiling the helper for linux/%s failed: %v", arch, err),
			Fix:   "see the compiler's lines above, or give the path of a zip that is already built",
		}
	}
	return path, nil
}

// Source uploads the zip, once for each stack, lets the role read it, and makes
// it a source that CodeBuild unpacks by itself, with no command of the build
// spent on it.
func Source(shared *perstack.Shared, role awsiam.IGrantable, zip string) awscodebuild.ISource {
	return source(shared, Identifier, role, zip)
}

// SourceFor is Source for a project that builds on machines of several
// architectures: a buildspec finds the helper for arch in
// $CODEBUILD_SRC_DIR_layercache_ARCH.
func SourceFor(shared *perstack.Shared, role awsiam.IGrantable, zip, arch string) awscodebuild.ISource {
	return source(shared, Identifier+"_"+arch, role, zip)
}

// PrimarySource is Source for a project that has no other source: the buildspec
// starts where the helper is.
func PrimarySource(shared *perstack.Shared, role awsiam.IGrantable, zip string) awscodebuild.ISource {
	return source(shared, "", role, zip)
}

// use is the key of a zip as a source. Sources hold nothing of the project that
// has them.
type use struct{ zip, identifier string }

func source(shared *perstack.Shared, identifier string, role awsiam.IGrantable, zip string) awscodebuild.ISource {
	asset := assetOf(shared, absolute(zip))
	s3grant.ReadObject(role, asset.bucketArn, asset.key)
	return perstack.Once(shared, use{zip, identifier}, func() awscodebuild.ISource {
		props := &awscodebuild.S3SourceProps{Bucket: asset.bucket, Path: asset.key}
		if identifier != "" {
			props.Identifier = &identifier
		}
		return awscodebuild.Source_S3(props)
	})
}

// asset is what the CDK's process has told of a stack's asset for a zip: every
// build of the stack asks the same.
type asset struct {
	bucket         awss3.IBucket
	bucketArn, key *string
}

// path is the key of a zip's asset.
type path string

// assetOf is the stack's asset for the zip: the CDK would hash the file anew for
// each further one.
func assetOf(shared *perstack.Shared, zip string) *asset {
	return perstack.Once(shared, path(zip), func() *asset {
		digest := sha256.Sum256([]byte(zip))
		id := jsii.String("LayercacheHelper" + hex.EncodeToString(digest[:4]))
		made := awss3assets.NewAsset(shared.Stack(), id, &awss3assets.AssetProps{Path: &zip})
		bucket := made.Bucket()
		return &asset{bucket: bucket, bucketArn: bucket.BucketArn(), key: made.S3ObjectKey()}
	})
}

// absolute resolves a path in this process: the CDK's JavaScript process may
// have been started in another directory.
func absolute(path string) string {
	if resolved, err := filepath.Abs(path); err == nil {
		return resolved
	}
	return path
}
