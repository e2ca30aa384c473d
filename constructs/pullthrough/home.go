package pullthrough

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
)

// home is a private ECR registry in the partition of a stack.
type home struct {
	stack           awscdk.Stack
	shared          *perstack.Shared
	account, region *string
	answers         *answers
}

// answers caches answers of the CDK's process about a registry. Every build asks for the same ones, and each
// call takes as long as creating a construct.
type answers struct {
	host string
	arns map[string]*string
}

func newHome(shared *perstack.Shared, account, region *string) home {
	return home{shared.Stack(), shared, account, region, &answers{arns: map[string]*string{}}}
}

// homeOf returns the registry of the account and region of scope's stack.
func homeOf(scope constructs.Construct) home {
	shared := perstack.SharedOf(scope)
	return newHome(shared, shared.Account(), shared.Region())
}

// other returns the registry of an account and region, by default those of h.
func (h home) other(account, region *string) home {
	if account == nil {
		account = h.account
	}
	if region == nil {
		region = h.region
	}
	return newHome(h.shared, account, region)
}

// host returns the host of the URIs of its repositories.
func (h home) host() string {
	if h.answers.host == "" {
		h.answers.host = fmt.Sprintf("%s.dkr.ecr.%s.%s", *h.account, *h.region, *h.stack.UrlSuffix())
	}
	return h.answers.host
}

// arn returns the ARN of a repository; the name may contain wildcards.
func (h home) arn(name string) *string {
	if h.answers.arns[name] == nil {
		h.answers.arns[name] = h.stack.FormatArn(&awscdk.ArnComponents{
			Service:      jsii.String("ecr"),
			Account:      h.account,
			Region:       h.region,
			Resource:     jsii.String("repository"),
			ResourceName: jsii.String(name),
		})
	}
	return h.answers.arns[name]
}

// arns returns the ARNs of repositories.
func (h home) arns(names []string) []*string {
	var arns []*string
	for _, name := range names {
		arns = append(arns, h.arn(name))
	}
	return arns
}

// below returns the name of a repository below a prefix.
func below(prefix, name string) string {
	if prefix == rootPrefix {
		return name
	}
	return prefix + "/" + name
}
