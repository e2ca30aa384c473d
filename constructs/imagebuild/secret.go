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
)

// Secret is a value that the build fetches when it runs and mounts for the
// steps that ask for it. It is in no layer, no argument and no cache.
type Secret struct {
	value     func() *string
	kind      awscodebuild.BuildEnvironmentVariableType
	complete  bool
	field     *string
	grantRead func(scope constructs.Construct, role awsiam.IGrantable)
}

// Secret_FromSecretsManager is a secret of AWS Secrets Manager, or the field of
// one whose value is a JSON object. field may be nil.
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

// Secret_FromSsmParameter is a parameter of AWS Systems Manager. key is the KMS
// key of a SecureString; it may be nil where that is the AWS managed one.
func Secret_FromSsmParameter(parameter awsssm.IParameter, key awskms.IKey) *Secret {
	return &Secret{
		kind:     awscodebuild.BuildEnvironmentVariableType_PARAMETER_STORE,
		complete: parameter != nil,
		value:    func() *string { return parameter.ParameterName() },
		grantRead: func(scope constructs.Construct, role awsiam.IGrantable) {
			awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
				Grantee:      role,
				Actions:      jsii.Strings("ssm:GetParameters"),
				ResourceArns: &[]*string{parameter.ParameterArn()},
			})
			grantDecryptVia(scope, role, key, "ssm")
		},
	}
}

// grantSecret lets the role read one secret. A secret that was imported by name
// has an ARN without the six characters that Secrets Manager adds.
func grantSecret(scope constructs.Construct, role awsiam.IGrantable, secret awssecretsmanager.ISecret) {
	arn := secret.SecretFullArn()
	if arn == nil {
		arn = jsii.String(*secret.SecretArn() + "-??????")
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("secretsmanager:GetSecretValue"),
		ResourceArns: &[]*string{arn},
	})
	grantDecryptVia(scope, role, secret.EncryptionKey(), "secretsmanager")
}

// grantDecryptVia lets the role decrypt through one service alone; key may be
// nil. The policy of the key has to leave permissions to IAM, as that of a key
// made by the CDK does.
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

func checkSecrets(secrets *map[string]*Secret) []validation.Problem {
	if secrets == nil {
		return nil
	}
	var found []validation.Problem
	taken := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(*secrets)) {
		at := fmt.Sprintf("Build.Secrets[%q]", id)
		secret, variable := (*secrets)[id], secretVariable(id)
		if !secretForm.MatchString(id) {
			found = append(found, validation.Problem{Prop: at, Wrong: "is no id of a BuildKit secret", Fix: "use at most 64 letters, digits, '.', '_' and '-'"})
		}
		if secret == nil || !secret.complete {
			found = append(found, validation.Problem{Prop: at, Wrong: "is missing", Fix: "give Secret_FromSecretsManager or Secret_FromSsmParameter"})
		}
		if secret != nil && secret.field != nil && (*secret.field == "" || strings.Contains(*secret.field, ":")) {
			found = append(found, validation.Problem{Prop: at, Wrong: fmt.Sprintf("%q is no field that CodeBuild can name", *secret.field), Fix: "use a field without ':'"})
		}
		if other, clash := taken[variable]; clash {
			found = append(found, validation.Problem{Prop: at, Wrong: fmt.Sprintf("shares its variable %s with %q", variable, other), Fix: "use ids that differ in letters or digits"})
		}
		taken[variable] = id
	}
	return found
}

var notInVariable = regexp.MustCompile(`[^A-Z0-9]`)

// secretVariable is the environment variable that holds the secret.
func secretVariable(id string) string {
	return "LAYERCACHE_SECRET_" + notInVariable.ReplaceAllString(strings.ToUpper(id), "_")
}

// addSecrets adds the secrets to the environment of a project and lets its role
// read them.
func addSecrets(scope constructs.Construct, role awsiam.IGrantable, secrets *map[string]*Secret, environment map[string]*awscodebuild.BuildEnvironmentVariable) {
	if secrets == nil || len(*secrets) == 0 {
		return
	}
	variables := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(*secrets)) {
		secret := (*secrets)[id]
		variables[id] = secretVariable(id)
		environment[variables[id]] = &awscodebuild.BuildEnvironmentVariable{Value: secret.value(), Type: secret.kind}
		secret.grantRead(scope, role)
	}
	environment["LAYERCACHE_SECRETS"] = plainVariable(jsonOf(scope, variables))
}
