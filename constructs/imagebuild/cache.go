package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
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
	// not get. It does not work in a VPC nor with the size X2_LARGE. Whether it works with ARM64 is not known:
	// https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html,
	// https://docs.aws.amazon.com/codebuild/latest/userguide/specify-caching-local.html.
	LocalCache CacheMode = "local"
	// S3Cache keeps the layers of all stages in a bucket.
	S3Cache CacheMode = "s3"
	// NoCache keeps nothing.
	NoCache CacheMode = "off"
)

var cacheModes = []CacheMode{RegistryCache, InlineCache, ImageCache, LocalCache, S3Cache, NoCache}

// CachePolicy is what builds do about a cache that does not pay.
type CachePolicy string

const (
	// Advise uses the cache in each build, and says whether it is worth its cost.
	Advise CachePolicy = "advise"
	// Act uses all layers, those of the last stage or no cache, whichever made the last builds of FallbackBranch
	// shortest. Builds of other branches and of pull requests follow.
	Act CachePolicy = "act"
)

var cachePolicies = []CachePolicy{Advise, Act}

// Compression is the compression of layers.
type Compression string

const (
	// Zstd is faster than Gzip. Docker 20.10 and AWS Lambda may not read it.
	Zstd Compression = "zstd"
	// Gzip is what every registry and runtime reads.
	Gzip Compression = "gzip"
	// Auto is for CacheCompression alone: layers of the image are as in the image. In a build that writes an image, all
	// others are Zstd, and in a build of a stage they are as in the image, too, because a later one may have them.
	Auto Compression = "auto"
)

var prefixForm = regexp.MustCompile(`^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)+$`)

// checkCache checks the plain values about the cache.
func checkCache(problems *validation.Problems, c cacheOptions) {
	if !slices.Contains(cacheModes, c.mode) {
		problems.Add("CacheMode", fmt.Sprintf("%q is unknown", c.mode), spelling.Fix(c.mode, cacheModes))
	}
	checkCompression(problems, "CacheCompression", c.compression, Auto, Zstd, Gzip)
	if validation.IsLiteral(&c.prefix) && !prefixForm.MatchString(c.prefix) {
		problems.Add("CachePrefix", fmt.Sprintf("%q has the wrong form", c.prefix), "end it with a slash and do not start it with one, such as layercache/")
	}
}

// checkPolicy checks the policy, and that the builds can act.
func checkPolicy(problems *validation.Problems, r *resolved) {
	policy, mode, builder := r.cache.policy, r.cache.mode, r.machine.builder
	switch {
	case !slices.Contains(cachePolicies, policy):
		problems.Add("CachePolicy", fmt.Sprintf("%q is unknown", policy), spelling.Fix(policy, cachePolicies))
	case policy == Advise:
	case mode != RegistryCache:
		problems.Add("CachePolicy", fmt.Sprintf("%q is not possible if CacheMode is %q", policy, mode), "leave it out, or leave CacheMode out")
	case builder == DockerBuilder:
		problems.Add("CachePolicy", fmt.Sprintf("%q is not possible with the builder %q, which keeps a cache of its own", policy, builder), fmt.Sprintf("leave it out, or use %q", NativeBuilder))
	case r.bake.enabled:
		problems.Add("CachePolicy", fmt.Sprintf("%q chooses for one image, and a bake file has several", policy), "leave it out")
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

// checkLocalCache refuses CodeBuild's local cache on machines that do not support it:
// https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html.
func checkLocalCache(problems *validation.Problems, r *resolved) {
	if r.cache.mode != LocalCache {
		return
	}
	fix := fmt.Sprintf("use CacheMode %q, or leave it out", RegistryCache)
	add := func(prop string, unsupported bool, wrong string) {
		if unsupported {
			problems.Add(prop, fmt.Sprintf("%s, where CodeBuild has no local cache, so CacheMode %q keeps nothing", wrong, LocalCache), fix)
		}
	}
	const largest = "BUILD_GENERAL1_2XLARGE"
	add("Network", r.network != nil, "is a VPC")
	if r.machine.fleet == nil {
		add("ComputeType", computeTypeNames[r.machine.computeType] == largest, "is "+largest)
		return
	}
	cfn, ok := r.machine.fleet.Node().DefaultChild().(awscodebuild.CfnFleet)
	if !ok {
		// The properties of an imported fleet are not known.
		return
	}
	add("Fleet", cfn.FleetVpcConfig() != nil, "is in a VPC")
	add("Fleet", valueOr(cfn.ComputeType(), "") == largest, "has machines of type "+largest)
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
	maps.Copy(v, c.mounts.variables())
	if c.policy != Advise {
		v["LAYERCACHE_POLICY"] = string(c.policy)
	}
	switch c.mode {
	case RegistryCache:
		v["LAYERCACHE_REPOSITORY"] = *c.repository.RepositoryUri()
	case S3Cache:
		v["LAYERCACHE_S3"] = *awscdk.Fn_Join(jsii.String("/"), &[]*string{c.bucket.BucketName(), &c.prefix})
	}
	return v
}
