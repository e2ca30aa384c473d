package imagebuild

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// CacheMode says where layers are kept between builds.
type CacheMode string

const (
	// RegistryCache keeps the layers of all stages in a repository of their own.
	RegistryCache CacheMode = "registry"
	// InlineCache keeps the layers of the last stage in the image itself.
	InlineCache CacheMode = "inline"
	// ImageCache takes the layers of the last image, with Docker's own builder.
	ImageCache CacheMode = "image"
	// LocalCache keeps them with CodeBuild's own Docker layer cache, on a
	// machine that the next build may or may not get:
	// https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html.
	LocalCache CacheMode = "local"
	// S3Cache keeps the layers of all stages in a bucket.
	S3Cache CacheMode = "s3"
	// NoCache keeps nothing.
	NoCache CacheMode = "off"
)

var cacheModes = []CacheMode{RegistryCache, InlineCache, ImageCache, LocalCache, S3Cache, NoCache}

// Compression is the compression of cached layers.
type Compression string

const (
	// Zstd is smaller and faster than Gzip.
	Zstd Compression = "zstd"
	// Gzip is for registries and runtimes that cannot read Zstd.
	Gzip Compression = "gzip"
)

var prefixForm = regexp.MustCompile(`^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)+$`)

// checkCache checks the plain values about the cache.
func checkCache(props *ImageBuildProps) []validation.Problem {
	var found []validation.Problem
	if !slices.Contains(cacheModes, props.CacheMode) {
		found = append(found, validation.Problem{
			Prop: "CacheMode", Wrong: fmt.Sprintf("%q is unknown", props.CacheMode), Fix: fmt.Sprintf("use one of %s", cacheModes),
		})
	}
	if props.CacheCompression != Zstd && props.CacheCompression != Gzip {
		found = append(found, validation.Problem{
			Prop: "CacheCompression", Wrong: fmt.Sprintf("%q is unknown", props.CacheCompression), Fix: fmt.Sprintf("use %q or %q", Zstd, Gzip),
		})
	}
	if validation.IsLiteral(props.CachePrefix) && !prefixForm.MatchString(*props.CachePrefix) {
		found = append(found, validation.Problem{
			Prop: "CachePrefix", Wrong: fmt.Sprintf("%q has the wrong form", *props.CachePrefix), Fix: "end it with a slash and begin with none, such as layercache/",
		})
	}
	return found
}

// checkCachePlace checks that the mode has the place that it keeps layers in,
// and no other.
func checkCachePlace(props *ImageBuildProps) []validation.Problem {
	var found []validation.Problem
	switch {
	case props.CacheMode == RegistryCache && props.Cache == nil:
		found = append(found, validation.Problem{Prop: "Cache", Wrong: "is missing", Fix: "give a cacherepo.CacheRepository"})
	case props.CacheMode != RegistryCache && props.Cache != nil:
		found = append(found, validation.Problem{
			Prop: "Cache", Wrong: fmt.Sprintf("is not used when CacheMode is %q", props.CacheMode), Fix: "leave it out, or leave CacheMode out",
		})
	}
	switch {
	case props.CacheMode == S3Cache && props.CacheBucket == nil:
		found = append(found, validation.Problem{Prop: "CacheBucket", Wrong: "is missing", Fix: "give the bucket that keeps the layers"})
	case props.CacheMode != S3Cache && props.CacheBucket != nil:
		found = append(found, validation.Problem{
			Prop: "CacheBucket", Wrong: fmt.Sprintf("is not used when CacheMode is %q", props.CacheMode), Fix: fmt.Sprintf("leave it out, or set CacheMode to %q", S3Cache),
		})
	}
	return found
}

// grantCache lets the role use the cache. The modes inline and image keep it in
// the image repository.
func (b *ImageBuild) grantCache(role awsiam.IGrantable, props *ImageBuildProps, write bool) {
	switch {
	case props.CacheMode == S3Cache:
		grantPrefix(role, props, write)
	case props.CacheMode != RegistryCache:
	case write:
		props.Cache.GrantWrite(role)
	default:
		props.Cache.GrantRead(role)
	}
}

// grantPrefix lets the role use the objects below the prefix. BuildKit asks for
// layers that are not there yet, and S3 answers "not found" only to those who
// may list; that question carries no prefix, so the condition is IfExists:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html.
func grantPrefix(role awsiam.IGrantable, props *ImageBuildProps, write bool) {
	actions := []string{"s3:GetObject"}
	if write {
		actions = append(actions, "s3:PutObject", "s3:AbortMultipartUpload")
	}
	objects := jsii.String(*props.CachePrefix + "*")
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings(actions...),
		ResourceArns: &[]*string{props.CacheBucket.ArnForObjects(objects)},
	})
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:ListBucket"),
		ResourceArns: &[]*string{props.CacheBucket.BucketArn()},
		Conditions:   &map[string]*map[string]any{"StringLikeIfExists": {"s3:prefix": objects}},
	})
	if key := props.CacheBucket.EncryptionKey(); key != nil {
		if write {
			key.Grant(role, jsii.String("kms:Decrypt"), jsii.String("kms:GenerateDataKey"))
		} else {
			key.Grant(role, jsii.String("kms:Decrypt"))
		}
	}
}

// localCache turns on CodeBuild's Docker layer cache for the mode that uses it.
func localCache(props *ImageBuildProps) awscodebuild.Cache {
	if props.CacheMode != LocalCache {
		return nil
	}
	return awscodebuild.Cache_Local(awscodebuild.LocalCacheMode_DOCKER_LAYER)
}

// cacheVariables say where the cache is; nil values are left out.
func cacheVariables(props *ImageBuildProps) map[string]*string {
	v := map[string]*string{
		"LAYERCACHE_MODE":        jsii.String(string(props.CacheMode)),
		"LAYERCACHE_COMPRESSION": jsii.String(string(props.CacheCompression)),
	}
	switch props.CacheMode {
	case RegistryCache:
		v["LAYERCACHE_REPOSITORY"] = props.Cache.RepositoryUri()
	case S3Cache:
		v["LAYERCACHE_S3"] = awscdk.Fn_Join(jsii.String("/"), &[]*string{props.CacheBucket.BucketName(), props.CachePrefix})
	}
	return v
}
