package pullthrough

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/layercache/layercache/constructs/validation"
)

// secretPrefix is the prefix of the names of the secrets that ECR reads.
const secretPrefix = "ecr-pullthroughcache/"

func (u *Upstream) checkSecret(h home, at string, found *validation.Problems) {
	at += ".Secret"
	needed := kinds[u.Registry].secret
	switch {
	case needed && u.Secret == nil:
		found.Add(at, fmt.Sprintf("is missing: ECR signs in to %s with a secret", u.Registry),
			"give a secret with a name that starts with "+secretPrefix+" and the keys username and accessToken")
		return
	case !needed && u.Secret != nil:
		found.Add(at, fmt.Sprintf("is set, but ECR needs no secret for %s", u.Registry), "leave it out")
		return
	case !needed:
		return
	}
	u.checkSecretName(at, found)
	if u.Secret.EncryptionKey() != nil {
		found.Add(at, "is encrypted with a customer managed key, which ECR cannot use", "encrypt it with the default AWS managed key, aws/secretsmanager")
	}
	checkPlace(h, at, u.Secret, found)
}

func (u *Upstream) checkSecretName(at string, found *validation.Problems) {
	const fix = "name it " + secretPrefix + "NAME; ECR reads no other secrets"
	name := u.Secret.SecretName()
	if cfn, ok := u.Secret.Node().DefaultChild().(awssecretsmanager.CfnSecret); ok {
		if name = cfn.Name(); name == nil || awscdk.Stack_Of(u.Secret).Resolve(name) == nil {
			found.Add(at, "has no name, so CloudFormation would generate one", fix)
			return
		}
	}
	if validation.IsLiteral(name) && (!strings.HasPrefix(*name, secretPrefix) || len(*name) == len(secretPrefix)) {
		found.Add(at, fmt.Sprintf("the name %q does not start with %s", *name, secretPrefix), fix)
	}
}

// checkPlace refuses a secret that is known to be in another account or region.
func checkPlace(h home, at string, secret awssecretsmanager.ISecret, found *validation.Problems) {
	const fix = "give a secret in the account and region of the rule"
	place := secret.Env()
	if differ(place.Account, h.account) {
		found.Add(at, fmt.Sprintf("is in account %s, and the rule in %s", *place.Account, *h.account), fix)
	}
	if differ(place.Region, h.region) {
		found.Add(at, fmt.Sprintf("is in region %s, and the rule in %s", *place.Region, *h.region), fix)
	}
}

// differ reports whether two values are known at synthesis and not equal.
func differ(a, b *string) bool {
	return validation.IsLiteral(a) && validation.IsLiteral(b) && *a != *b
}
