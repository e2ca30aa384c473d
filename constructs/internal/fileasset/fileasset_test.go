package fileasset_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/internal/fileasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// ownSynthesizer is a synthesizer of a user's program, which puts each asset into a bucket of its own.
type ownSynthesizer struct {
	awscdk.DefaultStackSynthesizer
	assets int
}

func (s *ownSynthesizer) AddFileAsset(*awscdk.FileAssetSource) *awscdk.FileAssetLocation {
	s.assets++
	bucket := fmt.Sprintf("bucket-%d", s.assets)
	return &awscdk.FileAssetLocation{
		BucketName: &bucket, ObjectKey: jsii.String("key"), S3ObjectUrl: jsii.String("s3://" + bucket + "/key"),
		HttpUrl: jsii.String("https://" + bucket + ".s3.amazonaws.com/key"),
	}
}

func TestTheBucketOfEachAsset(t *testing.T) {
	const ofDefault = "cdk-hnb659fds-assets-111111111111-eu-west-1"
	for name, c := range map[string]struct {
		synthesizer func() awscdk.IStackSynthesizer
		want        []string
	}{
		"is the same with the CDK's default synthesizer": {
			func() awscdk.IStackSynthesizer { return nil }, []string{ofDefault, ofDefault},
		},
		"has the name that the synthesizer was given": {
			func() awscdk.IStackSynthesizer {
				return awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{FileAssetsBucketName: jsii.String("assets")})
			},
			[]string{"assets", "assets"},
		},
		"is asked for with a synthesizer of the user's program": {
			func() awscdk.IStackSynthesizer {
				own := &ownSynthesizer{}
				awscdk.NewDefaultStackSynthesizer_Override(own, nil)
				return own
			},
			[]string{"bucket-1", "bucket-2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Stack"), &awscdk.StackProps{
				Env:         &awscdk.Environment{Account: jsii.String("111111111111"), Region: jsii.String("eu-west-1")},
				Synthesizer: c.synthesizer(),
			})
			shared := perstack.SharedOf(stack)
			var got []string
			for _, content := range []string{"one", "two"} {
				_, path := synthtest.File(t, content, content)
				asset := fileasset.New(shared, stack, content, &awss3assets.AssetProps{Path: &path})
				got = append(got, *asset.Bucket.Name)
				assert.Equal(t, stack.Resolve(jsii.String("arn:"+*stack.Partition()+":s3:::"+*asset.Bucket.Name)), stack.Resolve(asset.Bucket.ARN))
				assert.Equal(t, *asset.Bucket.Name+"/"+*asset.Key, *asset.Location())
			}
			assert.Equal(t, c.want, got)
		})
	}
}
