package imagebuild

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// CacheMode is where layers are kept between builds.
type CacheMode string

const (
	// RegistryCache keeps the layers of all stages in a repository of their own.
	RegistryCache CacheMode = "registry"
	// InlineCache keeps the layers of the last stage in the image itself.
	InlineCache CacheMode = "inline"
	// ImageCache reuses the layers of the last image, with Docker's own builder.
	ImageCache CacheMode = "image"
	// LocalCache uses CodeBuild's Docker layer cache, which is on a machine that the next build may or may
	// not get:
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
func checkCache(problems *validation.Problems, c cacheOptions) {
	if !slices.Contains(cacheModes, c.mode) {
		problems.Add("CacheMode", fmt.Sprintf("%q is unknown", c.mode), fmt.Sprintf("use one of %s", cacheModes))
	}
	if c.compression != Zstd && c.compression != Gzip {
		problems.Add("CacheCompression", fmt.Sprintf("%q is unknown", c.compression), fmt.Sprintf("use %q or %q", Zstd, Gzip))
	}
	if validation.IsLiteral(&c.prefix) && !prefixForm.MatchString(c.prefix) {
		problems.Add("CachePrefix", fmt.Sprintf("%q has the wrong form", c.prefix), "end it with a slash and do not start it with one, such as layercache/")
	}
}

// checkCachePlace checks that exactly the place that the mode uses is set.
func checkCachePlace(problems *validation.Problems, c cacheOptions) {
	unused := fmt.Sprintf("is not used if CacheMode is %q", c.mode)
	switch {
	case c.mode == RegistryCache && c.repository == nil:
		problems.Add("Cache", "is missing", "give a cacherepo.CacheRepository")
	case c.mode != RegistryCache && c.repository != nil:
		problems.Add("Cache", unused, "leave it out, or leave CacheMode out")
	}
	switch {
	case c.mode == S3Cache && c.bucket == nil:
		problems.Add("CacheBucket", "is missing", "give the bucket that keeps the layers")
	case c.mode != S3Cache && c.bucket != nil:
		problems.Add("CacheBucket", unused, fmt.Sprintf("leave it out, or set CacheMode to %q", S3Cache))
	}
}

// grantCache lets the role use the cache. The modes inline and image keep it in the image repository, which
// has grants of its own.
func grantCache(role awsiam.IGrantable, c cacheOptions, write bool) {
	switch {
	case c.mode == S3Cache:
		grantPrefix(role, c, write)
	case c.mode != RegistryCache:
	case write:
		c.repository.GrantWrite(role)
	default:
		c.repository.GrantRead(role)
	}
}

// grantPrefix lets the role use the objects below the prefix. BuildKit asks for layers that may not exist,
// and S3 answers "not found" only to roles that may list the bucket. That request has no prefix, hence
// IfExists:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html.
func grantPrefix(role awsiam.IGrantable, c cacheOptions, write bool) {
	actions, keyActions := []string{"s3:GetObject"}, []string{"kms:Decrypt"}
	if write {
		actions = append(actions, "s3:PutObject", "s3:AbortMultipartUpload")
		keyActions = append(keyActions, "kms:GenerateDataKey")
	}
	objects := jsii.String(c.prefix + "*")
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings(actions...),
		ResourceArns: &[]*string{c.bucket.ArnForObjects(objects)},
	})
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("s3:ListBucket"),
		ResourceArns: &[]*string{c.bucket.BucketArn()},
		Conditions:   &map[string]*map[string]any{"StringLikeIfExists": {"s3:prefix": objects}},
	})
	if key := c.bucket.EncryptionKey(); key != nil {
		key.Grant(role, *jsii.Strings(keyActions...)...)
	}
}

// cacheVariables returns the variables that describe the cache.
func cacheVariables(c cacheOptions) map[string]string {
	v := map[string]string{
		"LAYERCACHE_MODE":        string(c.mode),
		"LAYERCACHE_COMPRESSION": string(c.compression),
	}
	switch c.mode {
	case RegistryCache:
		v["LAYERCACHE_REPOSITORY"] = *c.repository.RepositoryUri()
	case S3Cache:
		v["LAYERCACHE_S3"] = *awscdk.Fn_Join(jsii.String("/"), &[]*string{c.bucket.BucketName(), &c.prefix})
	}
	return v
}
