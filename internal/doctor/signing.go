package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/registry/ecr"
)

// image checks whether ECR signs the images that builds push to a repository. It says nothing about
// repositories outside of ECR.
func (a *account) image(place string) []Check {
	repository, err := name.NewRepository(place, name.StrictValidation)
	if err != nil {
		// Settings reports the variable.
		return nil
	}
	host, isECR := ecr.ParseHost(repository.RegistryStr())
	if !isECR {
		return nil
	}
	checks, signedIn := a.signIn(repository.Registry, "")
	if !signedIn {
		return checks
	}
	client, err := a.connect(host)
	if err != nil {
		return append(checks, Check{"signing", Fail, err.Error(), "correct the AWS configuration"})
	}
	r := ecrRepository{account: a, client: client, host: host, name: repository.RepositoryStr()}
	profiles, problem := r.signingProfiles()
	return append(append(checks, problem...), checkImageSigning(r.name, profiles)...)
}

// signingProfiles returns the profiles with which ECR's managed signing signs what is pushed to the repository.
// problem has a check if they are not known.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
func (r ecrRepository) signingProfiles() (profiles []string, problem []Check) {
	out, err := r.client.GetSigningConfiguration(r.account.ctx, &awsecr.GetSigningConfigurationInput{})
	var missing *types.SigningConfigurationNotFoundException
	switch {
	case errors.As(err, &missing):
		return nil, nil
	case isDenied(err):
		return nil, []Check{failedCall("signing", "ecr:GetSigningConfiguration", err)}
	case err != nil:
		// Most registries sign nothing, and not every region knows the call.
		return nil, []Check{{"signing", Skipped, fmt.Sprintf("the signing rules could not be read: %v", err), ""}}
	case aws.ToString(out.RegistryId) != r.host.Account:
		return nil, []Check{{"signing", Skipped, "the signing rules of account " + r.host.Account + " can be read only in that account", ""}}
	case out.SigningConfiguration == nil:
		return nil, nil
	}
	for _, rule := range out.SigningConfiguration.Rules {
		if signs(rule, r.name) {
			profiles = append(profiles, aws.ToString(rule.SigningProfileArn))
		}
	}
	return profiles, nil
}

// signs reports whether a rule applies to a repository. A rule without filters applies to all.
func signs(rule types.SigningRule, repository string) bool {
	for _, filter := range rule.RepositoryFilters {
		if matches(aws.ToString(filter.Filter), repository) {
			return true
		}
	}
	return len(rule.RepositoryFilters) == 0
}

// checkImageSigning returns no check without profiles.
func checkImageSigning(repository string, profiles []string) []Check {
	if len(profiles) == 0 {
		return nil
	}
	return []Check{{"signing", Warn,
		fmt.Sprintf("ECR signs images of %s as whoever pushes them, with %s; whether builds may do that cannot be checked here", repository, strings.Join(profiles, ", ")),
		"set SigningProfiles of ImageBuild, or allow the builds' role signer:SignPayload on them; `aws ecr describe-image-signing-status` shows the result"}}
}

// checkCacheSigning returns no check without profiles.
func checkCacheSigning(repository string, profiles []string) []Check {
	if len(profiles) == 0 {
		return nil
	}
	return []Check{{"signing", Warn,
		fmt.Sprintf("ECR signs each cache that is pushed to %s, with %s: the builds' role would need signer:SignPayload, and each signature is one more image", repository, strings.Join(profiles, ", ")),
		"leave the caches out of the signing rules, by their repository filters"}}
}
