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

func (r ecrRepository) check(what string, written *variables.Settings) []Check {
	out, err := r.client.DescribeRepositories(r.account.ctx, &awsecr.DescribeRepositoriesInput{
		RegistryId: &r.host.Account, RepositoryNames: []string{r.name},
	})
	var missing *types.RepositoryNotFoundException
	switch {
	case errors.As(err, &missing):
		return []Check{{what, Fail, fmt.Sprintf("account %s has no repository %s in %s", r.host.Account, r.name, r.host.Region),
			fmt.Sprintf("deploy the cache stack, or: aws ecr create-repository --region %s --repository-name %s", r.host.Region, r.name)}}
	case err != nil:
		return append([]Check{unanswered(what, "ecr:DescribeRepositories", err)}, r.rules(written)...)
	case len(out.Repositories) == 0:
		return []Check{{what, Fail, "ECR's answer names no repository", "run doctor again"}}
	}
	checks := []Check{{what, OK, fmt.Sprintf("repository %s of account %s in %s", r.name, r.host.Account, r.host.Region), ""}}
	if written != nil {
		checks = append(checks, checkTags(out.Repositories[0], sampleTag(written.App, written.Branch)))
	}
	return append(checks, r.rules(written)...)
}

// rules checks the lifecycle of a repository that is written, and the policy of any.
func (r ecrRepository) rules(written *variables.Settings) []Check {
	if written == nil {
		return []Check{r.policy()}
	}
	return []Check{r.lifecycle(sampleTag(written.App, written.Branch)), r.policy()}
}

// sampleTag is a tag as a build gives its cache.
func sampleTag(app, branch string) string {
	if app == "" {
		app = "app"
	}
	if branch == "" {
		branch = "main"
	}
	return cache.Tag(cache.Scope{App: app, Platform: "linux/amd64", Branch: branch})
}

// checkTags checks that a build may write over the tag of its cache, as the next one does.
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
		return Check{"tags", OK, "caches such as " + tag + " can be written anew", ""}
	}
	return Check{"tags", Fail, fmt.Sprintf("the repository's tags are %s: a cache such as %s can be written once and never again", mutability, tag),
		"make the repository's tags mutable, or exclude those of the caches"}
}

// matches says whether a tag fits a pattern, in which * stands for any text.
func matches(pattern, tag string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile("^" + quoted + "$").MatchString(tag)
}
