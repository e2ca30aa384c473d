package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestBuildOptionsSetVariables(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Build = &imagebuild.BuildOptions{
		Target:     jsii.String("release"),
		Platforms:  jsii.Strings("linux/amd64"),
		Arguments:  &map[string]*string{"VERSION": jsii.String(`1 "2"`), "REGION": stack.Region()},
		Provenance: jsii.String("mode=max"),
		Sbom:       jsii.Bool(true),
		Extra:      jsii.Strings("--label=team=shop"),
	}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	v := variables(t, stack)
	assert.Equal(t, "release", v["LAYERCACHE_TARGET"])
	assert.Equal(t, "linux/amd64", v["LAYERCACHE_PLATFORMS"])
	assert.Equal(t, `{"REGION":"${AWS::Region}","VERSION":"1 \"2\""}`, v["LAYERCACHE_BUILD_ARGS"])
	assert.Equal(t, "mode=max", v["LAYERCACHE_PROVENANCE"])
	assert.Equal(t, "true", v["LAYERCACHE_SBOM"])
	assert.Equal(t, `["--label=team=shop"]`, v["LAYERCACHE_ARGS"])
}

func TestABuildReadsSecretsThatAreNotInTheTemplate(t *testing.T) {
	const (
		key    = "arn:aws:kms:eu-west-1:111111111111:key/k"
		secret = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:npm-a1b2c3"
	)
	stack := synthtest.Stack()
	props := newProps(t, stack)
	shared := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(key))
	props.Build = &imagebuild.BuildOptions{Secrets: &map[string]*imagebuild.Secret{
		"npm.token": imagebuild.Secret_FromSecretsManager(awssecretsmanager.Secret_FromSecretAttributes(stack, jsii.String("Npm"), &awssecretsmanager.SecretAttributes{
			SecretCompleteArn: jsii.String(secret), EncryptionKey: shared,
		}), jsii.String("token")),
		"pip": imagebuild.Secret_FromSecretsManager(awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Pip"), jsii.String("pip")), nil),
		"go": imagebuild.Secret_FromSsmParameter(awsssm.StringParameter_FromSecureStringParameterAttributes(stack, jsii.String("Go"), &awsssm.SecureStringParameterAttributes{
			ParameterName: jsii.String("/build/go"),
		}), shared),
	}}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	v := variables(t, stack)
	assert.Equal(t, `{"go":"LAYERCACHE_SECRET_GO","npm.token":"LAYERCACHE_SECRET_NPM_TOKEN","pip":"LAYERCACHE_SECRET_PIP"}`, v["LAYERCACHE_SECRETS"])
	assert.Equal(t, "SECRETS_MANAGER "+secret+":token", v["LAYERCACHE_SECRET_NPM_TOKEN"])
	assert.Equal(t, "SECRETS_MANAGER arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:pip", v["LAYERCACHE_SECRET_PIP"])
	assert.Equal(t, "PARAMETER_STORE /build/go", v["LAYERCACHE_SECRET_GO"])

	source, helper := keys(t, stack)
	assert.ElementsMatch(t, append([]string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildLogs04E75593.Arn}",
		"Allow ecr:GetAuthorizationToken on *",
		"Allow " + push + " on ${BuildImage47D28642.Arn}",
		"Allow " + push + " on ${CacheRepository8754AB2F.Arn}",
		"Allow secretsmanager:GetSecretValue on " + secret,
		"Allow kms:Decrypt on " + key + " if StringEquals=kms:ViaService=secretsmanager.${AWS::Region}.${AWS::URLSuffix}",
		"Allow secretsmanager:GetSecretValue on arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:pip-??????",
		"Allow ssm:GetParameters on arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/build/go",
		"Allow kms:Decrypt on " + key + " if StringEquals=kms:ViaService=ssm.${AWS::Region}.${AWS::URLSuffix}",
	}, helperStatements(source, helper)...), policyOf(t, stack, releaseRole))
}

func TestProblemsOfBuildOptions(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	hidden := awscdk.SecretValue_SecretsManager(jsii.String("npm"), nil).UnsafeUnwrap()
	named := awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Npm"), jsii.String("npm"))
	props.Environment = &map[string]*string{"NPM": hidden, "PIP": jsii.String("{{resolve:secretsmanager:pip}}"), "LAYERCACHE_SECRET_X": jsii.String("x")}
	props.MetricsNamespace = jsii.String("AWS/Builds")
	props.Tags = &[]*string{}
	props.Build = &imagebuild.BuildOptions{
		Target:     jsii.String("--push"),
		Provenance: jsii.String(" max"),
		Arguments:  &map[string]*string{"A B": jsii.String("x"), "NONE": nil, "TOKEN": hidden},
		Extra:      jsii.Strings("--tag=x", "-tx", "--", "--label=x"),
		Secrets: &map[string]*imagebuild.Secret{
			"a b": imagebuild.Secret_FromSecretsManager(named, nil), "field": imagebuild.Secret_FromSecretsManager(named, jsii.String("a:b")), "none": nil, "nothing": imagebuild.Secret_FromSsmParameter(nil, nil),
			"x-y": imagebuild.Secret_FromSecretsManager(named, nil), "x.y": imagebuild.Secret_FromSecretsManager(named, nil),
		},
	}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Equal(t, atBuild(
		`MetricsNamespace: "AWS/Builds" has the wrong form; use at most 255 letters, digits, '.', '_', '-', '/' and '#', and do not start it with AWS/`,
		"Tags: is empty; give a tag, or leave it out",
		`Build.Target: "--push" has the wrong form; give the name of a stage`,
		`Build.Provenance: " max" has the wrong form; give a value of --provenance, such as mode=max or false`,
		`Build.Arguments["A B"]: is not a valid name of an ARG; use letters, digits and '_'`,
		`Build.Arguments["NONE"]: has no value; set a value, or leave it out`,
		"Build.Extra[0]: --tag is set by Tags; set that instead",
		`Build.Extra[1]: "-tx" is not a long option; write option and value as one string, such as --label=team=shop`,
		`Build.Extra[2]: "--" is not a long option; write option and value as one string, such as --label=team=shop`,
		`Build.Secrets["a b"]: is not a valid id of a BuildKit secret; use at most 64 letters, digits, '.', '_' and '-'`,
		`Build.Secrets["field"]: "a:b" is not a field that CodeBuild can read; use a field without ':'`,
		`Build.Secrets["none"]: is missing; give Secret_FromSecretsManager or Secret_FromSsmParameter`,
		`Build.Secrets["nothing"]: is missing; give Secret_FromSecretsManager or Secret_FromSsmParameter`,
		`Build.Secrets["x.y"]: has the same variable LAYERCACHE_SECRET_X_Y as "x-y"; use ids that differ in letters or digits`,
		`Environment["LAYERCACHE_SECRET_X"]: is set by Build.Secrets; set that instead`,
		`Build.Arguments["TOKEN"]: is a secret, which logs and the console would show; use Build.Secrets`,
		`Environment["NPM"]: is a secret, which logs and the console would show; use Build.Secrets`,
		`Environment["PIP"]: is a secret, which logs and the console would show; use Build.Secrets`,
	), synthtest.Errors(stack))
}
