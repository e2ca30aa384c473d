// Package helperasset adds the helper to CodeBuild projects: a zip with the programs layercache and
// buildkitd, which CodeBuild unpacks as a secondary source.
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
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/fileasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/internal/s3grant"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/bundle"
)

// Identifier is the identifier of the secondary source. CodeBuild unpacks the helper to
// $CODEBUILD_SRC_DIR_layercache.
const Identifier = "layercache"

// prop is the name of the prop for a prebuilt zip, in every construct.
const prop = "HelperZip"

// built compiles the helper for each architecture at most once per process. Progress goes to standard error,
// which the CDK CLI prints.
var built = map[string]func() (string, error){"amd64": compile("amd64"), "arm64": compile("arm64")}

func compile(arch string) func() (string, error) {
	return sync.OnceValues(func() (string, error) { return bundle.Build(context.Background(), arch, os.Stderr) })
}

// Check returns the problems of the path of a prebuilt zip.
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
		Fix:   "give the path of a zip with layercache and buildkitd, or leave it out to compile both",
	}}
}

// Zip returns the path of the helper for linux/arch, "amd64" or "arm64": the prebuilt zip, or else one
// compiled from this module's source.
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
			Fix:   "see the compiler's output above, or give the path of a prebuilt zip",
		}
	}
	return path, nil
}

// Source uploads the zip once per stack, lets the role read it, and returns it as a secondary source, which
// CodeBuild unpacks before the build.
func Source(shared *perstack.Shared, role awsiam.IGrantable, zip string) awscodebuild.ISource {
	return source(shared, Identifier, role, zip)
}

// SourceFor is Source for a project that builds on machines of several architectures: CodeBuild unpacks the
// helper for arch to $CODEBUILD_SRC_DIR_layercache_ARCH.
func SourceFor(shared *perstack.Shared, role awsiam.IGrantable, zip, arch string) awscodebuild.ISource {
	return source(shared, Identifier+"_"+arch, role, zip)
}

// PrimarySource is Source for a project without another source: the buildspec starts in the helper's folder.
func PrimarySource(shared *perstack.Shared, role awsiam.IGrantable, zip string) awscodebuild.ISource {
	return source(shared, "", role, zip)
}

// Location uploads the zip once per stack, lets the role read it, and returns its location, s3://BUCKET/KEY.
func Location(shared *perstack.Shared, role awsiam.IGrantable, zip string) *string {
	asset := assetOf(shared, absolute(zip))
	s3grant.ReadWithCLI(role, asset.Bucket.ARN, asset.Key)
	return jsii.String("s3://" + *asset.Location())
}

// Key returns the object key of the zip, which depends on its content.
func Key(shared *perstack.Shared, zip string) *string { return assetOf(shared, absolute(zip)).Key }

// use is a use of a zip as a source.
type use struct{ zip, identifier string }

// What the builds of a stack share: a source per use, which holds nothing of its project, and an asset per
// path of a zip, because the CDK would hash the file again for each additional asset.
var (
	sources perstack.Memo[use, awscodebuild.ISource]
	assets  perstack.Memo[string, *fileasset.Asset]
)

func source(shared *perstack.Shared, identifier string, role awsiam.IGrantable, zip string) awscodebuild.ISource {
	asset := assetOf(shared, absolute(zip))
	s3grant.ReadObject(shared, role, asset.Bucket.ARN, asset.Key)
	return sources.Get(shared, use{zip, identifier}, func() awscodebuild.ISource { return asset.Source(identifier) })
}

// assetOf returns the stack's asset for the zip.
func assetOf(shared *perstack.Shared, zip string) *fileasset.Asset {
	return assets.Get(shared, zip, func() *fileasset.Asset {
		digest := sha256.Sum256([]byte(zip))
		id := "LayercacheHelper" + hex.EncodeToString(digest[:4])
		return fileasset.New(shared, shared.Stack(), id, &awss3assets.AssetProps{Path: &zip})
	})
}

// absolute returns the absolute path, because the CDK's JavaScript process may have another working
// directory.
func absolute(path string) string {
	if resolved, err := filepath.Abs(path); err == nil {
		return resolved
	}
	return path
}
