package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func cacheBucket(s awscdk.Stack) awss3.IBucket {
	return awss3.Bucket_FromBucketAttributes(s, jsii.String("CacheBucket"), &awss3.BucketAttributes{
		BucketName:    jsii.String("layers"),
		EncryptionKey: awskms.Key_FromKeyArn(s, jsii.String("CacheKey"), jsii.String("arn:aws:kms:eu-west-1:111111111111:key/k")),
	})
}

func TestCacheModes(t *testing.T) {
	const (
		object = "arn:${AWS::Partition}:s3:::layers/layercache/*"
		list   = "Allow s3:ListBucket on arn:${AWS::Partition}:s3:::layers if StringLikeIfExists=s3:prefix=layercache/*"
		key    = "arn:aws:kms:eu-west-1:111111111111:key/k"
	)
	for name, c := range map[string]struct {
		mode      imagebuild.CacheMode
		set       func(awscdk.Stack, *imagebuild.ImageBuildProps)
		variables map[string]string
		grants    []string
		cache     map[string]any
	}{
		"registry, by default": {
			set:       func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Cache = newProps(t, s).Cache },
			variables: map[string]string{"LAYERCACHE_MODE": "registry", "LAYERCACHE_BUILDER": "auto", "LAYERCACHE_REPOSITORY": uri("CacheRepository8754AB2F")},
			grants:    []string{"Allow " + push + " on ${CacheRepository8754AB2F.Arn}"},
		},
		"inline, in the image repository": {
			mode:      imagebuild.InlineCache,
			variables: map[string]string{"LAYERCACHE_MODE": "inline", "LAYERCACHE_BUILDER": "auto"},
		},
		"image, with Docker's builder": {
			mode:      imagebuild.ImageCache,
			variables: map[string]string{"LAYERCACHE_MODE": "image", "LAYERCACHE_BUILDER": "docker"},
		},
		"local, with Docker's builder and CodeBuild's layer cache": {
			mode:      imagebuild.LocalCache,
			variables: map[string]string{"LAYERCACHE_MODE": "local", "LAYERCACHE_BUILDER": "docker"},
			cache:     map[string]any{"Type": "LOCAL", "Modes": []any{"LOCAL_DOCKER_LAYER_CACHE"}},
		},
		"off": {
			mode:      imagebuild.NoCache,
			variables: map[string]string{"LAYERCACHE_MODE": "off", "LAYERCACHE_BUILDER": "auto"},
		},
		"S3, limited to the prefix": {
			mode:      imagebuild.S3Cache,
			set:       func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.CacheBucket = cacheBucket(s) },
			variables: map[string]string{"LAYERCACHE_MODE": "s3", "LAYERCACHE_BUILDER": "auto", "LAYERCACHE_S3": "layers/layercache/"},
			grants: []string{
				"Allow s3:GetObject s3:PutObject s3:AbortMultipartUpload on " + object, list, "Allow kms:Decrypt kms:GenerateDataKey on " + key,
			},
		},
		"S3, only reading": {
			mode: imagebuild.S3Cache,
			set: func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheBucket, p.CacheWrite = cacheBucket(s), jsii.Bool(false)
			},
			variables: map[string]string{"LAYERCACHE_MODE": "s3", "LAYERCACHE_BUILDER": "auto", "LAYERCACHE_S3": "layers/layercache/"},
			grants:    []string{"Allow s3:GetObject on " + object, list, "Allow kms:Decrypt on " + key},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, synthtest.Stack())
			props.Cache, props.CacheMode = nil, c.mode
			if c.set != nil {
				c.set(stack, props)
			}
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

			assert.Empty(t, synthtest.Errors(stack))
			p := project(t, stack, "BuildProject")
			got := map[string]string{}
			for name, value := range variablesOf(p) {
				switch name {
				case "LAYERCACHE_MODE", "LAYERCACHE_BUILDER", "LAYERCACHE_REPOSITORY", "LAYERCACHE_S3", "LAYERCACHE_LOCAL_DIR":
					got[name] = value
				}
			}
			assert.Equal(t, c.variables, got)
			if c.cache == nil {
				c.cache = map[string]any{"Type": "NO_CACHE"}
			}
			assert.Equal(t, c.cache, p["Cache"])
			want := append([]string{
				"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildLogs04E75593.Arn}",
				"Allow ecr:GetAuthorizationToken on *",
				"Allow " + push + " on ${BuildImage47D28642.Arn}",
			}, c.grants...)
			source, helper := keys(t, stack)
			assert.Equal(t, append(want, helperStatements(source, helper)...), policyOf(t, stack, releaseRole))
		})
	}
}

func TestProblemsOfTheCache(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		want []string
	}{
		"an unknown mode, compression and prefix": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheMode, p.CacheCompression, p.CachePrefix, p.Cache = "disk", "lz4", jsii.String("/a/../b"), nil
			},
			[]string{
				`CacheMode: "disk" is unknown; use one of registry, inline, image, local, s3, off`,
				`CacheCompression: "lz4" is unknown; use one of auto, zstd, gzip`,
				`CachePrefix: "/a/../b" has the wrong form; end it with a slash and do not start it with one, such as layercache/`,
			},
		},
		"an unknown policy": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.CachePolicy = "acts" },
			[]string{`CachePolicy: "acts" is unknown; did you mean act?`},
		},
		"a policy for a cache that is not in a registry": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheMode, p.Cache, p.CacheBucket, p.CachePolicy = imagebuild.S3Cache, nil, cacheBucket(s), imagebuild.Act
			},
			[]string{`CachePolicy: "act" is not possible if CacheMode is "s3"; leave it out, or leave CacheMode out`},
		},
		"a policy on a builder with a cache of its own": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Builder, p.CachePolicy = imagebuild.DockerBuilder, imagebuild.Act
			},
			[]string{`CachePolicy: "act" is not possible with the builder "docker", which keeps a cache of its own; leave it out, or use "native"`},
		},
		"a policy for several images": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				api := awsecr.Repository_FromRepositoryName(s, jsii.String("Api"), jsii.String("team/api"))
				p.CachePolicy, p.Bake = imagebuild.Act, &imagebuild.Bake{Images: &map[string]awsecr.IRepository{"api": api}}
			},
			[]string{`CachePolicy: "act" chooses for one image, and a bake file has several; leave it out`},
		},
		"an unknown form of the image": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.ImageCompression, p.Attestations = "lz4", "sbom"
			},
			[]string{
				`ImageCompression: "lz4" is unknown; use one of zstd, gzip`,
				`Attestations: "sbom" is unknown; use one of image-manifest, oci-artifact, none`,
			},
		},
		"S3 with a repository and no bucket": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.CacheMode = imagebuild.S3Cache },
			[]string{
				`Cache: is not used if CacheMode is "s3"; leave it out, or leave CacheMode out`,
				`CacheBucket: is missing; give the bucket that keeps the layers`,
			},
		},
		"a bucket without S3": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.CacheBucket = cacheBucket(s) },
			[]string{`CacheBucket: is not used if CacheMode is "registry"; leave it out, or set CacheMode to "s3"`},
		},
		"a local cache with a builder that does not support it": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.CacheMode, p.Builder = nil, imagebuild.LocalCache, imagebuild.NativeBuilder
			},
			[]string{`Builder: is "native", but CacheMode "local" needs Docker's own builder; leave it out`},
		},
		"a local cache in a VPC, on the largest machine": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.CacheMode = nil, imagebuild.LocalCache
				p.Network, p.ComputeType = &imagebuild.Network{Vpc: vpc(s)}, awscodebuild.ComputeType_X2_LARGE
			},
			[]string{
				`Network: is a VPC, where CodeBuild has no local cache, so CacheMode "local" keeps nothing; use CacheMode "registry", or leave it out`,
				`ComputeType: is BUILD_GENERAL1_2XLARGE, where CodeBuild has no local cache, so CacheMode "local" keeps nothing; use CacheMode "registry", or leave it out`,
			},
		},
		"a local cache on a fleet of the largest machines in a VPC": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				fleet := awscodebuild.NewFleet(s, jsii.String("Fleet"), &awscodebuild.FleetProps{
					BaseCapacity: jsii.Number(1), ComputeType: awscodebuild.FleetComputeType_X2_LARGE, EnvironmentType: awscodebuild.EnvironmentType_LINUX_CONTAINER,
				})
				fleet.Node().DefaultChild().(awscodebuild.CfnFleet).SetFleetVpcConfig(&awscodebuild.CfnFleet_VpcConfigProperty{VpcId: jsii.String("vpc-1")})
				p.Cache, p.CacheMode, p.Fleet, p.ComputeType = nil, imagebuild.LocalCache, fleet, awscodebuild.ComputeType_X2_LARGE
			},
			[]string{
				`Fleet: is in a VPC, where CodeBuild has no local cache, so CacheMode "local" keeps nothing; use CacheMode "registry", or leave it out`,
				`Fleet: has machines of type BUILD_GENERAL1_2XLARGE, where CodeBuild has no local cache, so CacheMode "local" keeps nothing; use CacheMode "registry", or leave it out`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			c.set(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, atBuild(c.want...), synthtest.Errors(stack))
		})
	}
}

func atBuild(problems ...string) []string {
	var lines []string
	for _, problem := range problems {
		lines = append(lines, "Test/Build: "+problem)
	}
	return lines
}
