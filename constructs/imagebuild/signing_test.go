package imagebuild_test

import (
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssigner"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestOnlyReleaseBuildsMaySign(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	const other = "arn:aws:signer:eu-west-1:222222222222:/signing-profiles/central"
	own := awssigner.NewCfnSigningProfile(stack, jsii.String("Profile"), &awssigner.CfnSigningProfileProps{PlatformId: jsii.String("Notation-OCI-SHA384-ECDSA")})
	props.SigningProfiles = &[]*string{own.AttrArn(), jsii.String(other)}
	props.PullRequests = &imagebuild.PullRequests{Image: awsecr.NewRepository(stack, jsii.String("Previews"), nil)}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	assert.Contains(t, policyOf(t, stack, releaseRole), "Allow signer:SignPayload on ${Profile.Arn} "+other)
	for _, statement := range policyOf(t, stack, pullRole) {
		assert.NotContains(t, statement, "signer:")
	}
}

func TestProblemsOfSigningProfiles(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.SigningProfiles = jsii.Strings("central", "arn:aws:signer:eu-west-1:222222222222:/signing-profiles/*", "arn:aws-us-gov:signer:us-gov-west-1:222222222222:/signing-profiles/ok")
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	const fix = "; give one such as arn:aws:signer:eu-west-1:111122223333:/signing-profiles/NAME, without a version"
	assert.Equal(t, atBuild(
		`SigningProfiles[0]: "central" is not the ARN of a signing profile`+fix,
		`SigningProfiles[1]: "arn:aws:signer:eu-west-1:222222222222:/signing-profiles/*" is not the ARN of a signing profile`+fix,
	), synthtest.Errors(stack))
}
