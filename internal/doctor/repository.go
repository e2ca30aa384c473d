package doctor

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/variables"
)

// ecrRepository is a cache repository in ECR.
type ecrRepository struct {
	account *account
	client  *awsecr.Client
	host    ecr.Host
	name    string
}

// check checks the repository. checkName and write are the same as in account.repository.
func (r ecrRepository) check(checkName string, write *variables.Settings) []Check {
	out, err := r.client.DescribeRepositories(r.account.ctx, &awsecr.DescribeRepositoriesInput{
		RegistryId: &r.host.Account, RepositoryNames: []string{r.name},
	})
	var missing *types.RepositoryNotFoundException
	switch {
	case errors.As(err, &missing):
		return []Check{{checkName, Fail, fmt.Sprintf("account %s has no repository %s in %s", r.host.Account, r.name, r.host.Region),
			fmt.Sprintf("deploy the cache stack, or: aws ecr create-repository --region %s --repository-name %s", r.host.Region, r.name)}}
	case err != nil:
		return append([]Check{failedCall(checkName, "ecr:DescribeRepositories", err)}, r.rules(write)...)
	case len(out.Repositories) == 0:
		return []Check{{checkName, Fail, "ECR returned no repository", "run doctor again"}}
	}
	checks := []Check{{checkName, OK, fmt.Sprintf("repository %s of account %s in %s", r.name, r.host.Account, r.host.Region), ""}}
	if write != nil {
		checks = append(checks, checkTags(out.Repositories[0], sampleTag(write.App, write.Branch)))
	}
	return append(checks, r.rules(write)...)
}

// rules checks the policy of the repository, and if builds write to it the lifecycle.
func (r ecrRepository) rules(write *variables.Settings) []Check {
	if write == nil {
		return []Check{r.policy()}
	}
	profiles, signing := r.signingProfiles()
	signing = append(signing, checkCacheSigning(r.name, profiles)...)
	return append([]Check{r.lifecycle(sampleTag(write.App, write.Branch), len(profiles)), r.policy()}, signing...)
}

// sampleTag returns the tag of a build's cache.
func sampleTag(app, branch string) string {
	if app == "" {
		app = "app"
	}
	if branch == "" {
		branch = "main"
	}
	return cache.Tag(cache.Scope{App: app, Platform: "linux/amd64", Branch: branch})
}

// checkTags checks that a build can overwrite the tag of its cache.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
func checkTags(repository types.Repository, tag string) Check {
	isExcluded := false
	for _, filter := range repository.ImageTagMutabilityExclusionFilters {
		isExcluded = isExcluded || matches(aws.ToString(filter.Filter), tag)
	}
	mutability := repository.ImageTagMutability
	isMutable := mutability == types.ImageTagMutabilityMutable || mutability == types.ImageTagMutabilityMutableWithExclusion && !isExcluded ||
		mutability == types.ImageTagMutabilityImmutableWithExclusion && isExcluded
	if isMutable {
		return Check{"tags", OK, "caches such as " + tag + " can be overwritten", ""}
	}
	return Check{"tags", Fail, fmt.Sprintf("the repository's tags are %s: a cache such as %s can be written only once", mutability, tag),
		"make the repository's tags mutable, or exclude those of the caches"}
}

// matches reports whether a tag matches a pattern, in which * stands for any text.
func matches(pattern, tag string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile("^" + quoted + "$").MatchString(tag)
}
