package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/variables"
)

// Secret is a value that a build fetches when it runs and mounts for the steps that ask for it. It is in no
// layer, argument or cache.
type Secret struct {
	value     func() *string
	kind      awscodebuild.BuildEnvironmentVariableType
	complete  bool
	field     *string
	grantRead func(scope constructs.Construct, role awsiam.IGrantable)
}

// Secret_FromSecretsManager returns a secret of AWS Secrets Manager. If field is not nil, the secret's value
// is a JSON object and the build gets that field.
func Secret_FromSecretsManager(secret awssecretsmanager.ISecret, field *string) *Secret {
	return &Secret{
		kind:     awscodebuild.BuildEnvironmentVariableType_SECRETS_MANAGER,
		complete: secret != nil,
		field:    field,
		value: func() *string {
			if field == nil {
				return secret.SecretArn()
			}
			return jsii.String(*secret.SecretArn() + ":" + *field)
		},
		grantRead: func(scope constructs.Construct, role awsiam.IGrantable) { grantSecret(scope, role, secret) },
	}
}

// Secret_FromSsmParameter returns a parameter of AWS Systems Manager. key is the KMS key of a SecureString;
// nil is the AWS managed key.
func Secret_FromSsmParameter(parameter awsssm.IParameter, key awskms.IKey) *Secret {
	return &Secret{
		kind:     awscodebuild.BuildEnvironmentVariableType_PARAMETER_STORE,
		complete: parameter != nil,
		value:    func() *string { return parameter.ParameterName() },
		grantRead: func(scope constructs.Construct, role awsiam.IGrantable) {
			grantAction(role, "ssm:GetParameters", parameter.ParameterArn())
			grantDecryptVia(scope, role, key, "ssm")
		},
	}
}

// grantSecret lets the role read one secret. The ARN of a secret that was imported by name lacks the six
// characters that Secrets Manager adds.
func grantSecret(scope constructs.Construct, role awsiam.IGrantable, secret awssecretsmanager.ISecret) {
	arn := secret.SecretFullArn()
	if arn == nil {
		arn = jsii.String(*secret.SecretArn() + "-??????")
	}
	grantAction(role, "secretsmanager:GetSecretValue", arn)
	grantDecryptVia(scope, role, secret.EncryptionKey(), "secretsmanager")
}

// grantDecryptVia lets the role decrypt through one service only; key may be nil. The policy of the key must
// delegate to IAM, as the policies of keys that the CDK makes do.
func grantDecryptVia(scope constructs.Construct, role awsiam.IGrantable, key awskms.IKey, service string) {
	if key == nil {
		return
	}
	stack := awscdk.Stack_Of(scope)
	name := fmt.Sprintf("%s.%s.%s", service, *stack.Region(), *stack.UrlSuffix())
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("kms:Decrypt"),
		ResourceArns: &[]*string{key.KeyArn()},
		Conditions:   &map[string]*map[string]any{"StringEquals": {"kms:ViaService": name}},
	})
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func checkSecrets(problems *validation.Problems, secrets map[string]*Secret) {
	idOf := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(secrets)) {
		add := func(wrong, fix string) { problems.Add(fmt.Sprintf("Build.Secrets[%q]", id), wrong, fix) }
		secret, variable := secrets[id], secretVariable(id)
		if !secretForm.MatchString(id) {
			add("is not a valid id of a BuildKit secret", "use at most 64 letters, digits, '.', '_' and '-'")
		}
		if secret == nil || !secret.complete {
			add("is missing", "give Secret_FromSecretsManager or Secret_FromSsmParameter")
		}
		if secret != nil && secret.field != nil && (*secret.field == "" || strings.Contains(*secret.field, ":")) {
			add(fmt.Sprintf("%q is not a field that CodeBuild can read", *secret.field), "use a field without ':'")
		}
		if other, taken := idOf[variable]; taken {
			add(fmt.Sprintf("has the same variable %s as %q", variable, other), "use ids that differ in letters or digits")
		}
		idOf[variable] = id
	}
}

var notInVariable = regexp.MustCompile(`[^A-Z0-9]`)

// secretVariable returns the name of the environment variable that holds the secret.
func secretVariable(id string) string {
	return variables.SecretPrefix + notInVariable.ReplaceAllString(strings.ToUpper(id), "_")
}

// addSecrets adds the secrets to the environment of a project and lets its role read them.
func addSecrets(scope constructs.Construct, role awsiam.IGrantable, secrets map[string]*Secret, environment map[string]*awscodebuild.BuildEnvironmentVariable) {
	if len(secrets) == 0 {
		return
	}
	names := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(secrets)) {
		secret := secrets[id]
		names[id] = secretVariable(id)
		environment[names[id]] = &awscodebuild.BuildEnvironmentVariable{Value: secret.value(), Type: secret.kind}
		secret.grantRead(scope, role)
	}
	environment["LAYERCACHE_SECRETS"] = &awscodebuild.BuildEnvironmentVariable{Value: jsonText(scope, names)}
}
