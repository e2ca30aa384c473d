package pullthrough

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// home is a private ECR registry in the partition of a stack.
type home struct {
	stack           awscdk.Stack
	account, region *string
}

// homeOf is the registry of the stack's own account and region.
func homeOf(stack awscdk.Stack) home { return home{stack, stack.Account(), stack.Region()} }

// other is the registry of an account and region, by default those of h.
func (h home) other(account, region *string) home {
	if account == nil {
		account = h.account
	}
	if region == nil {
		region = h.region
	}
	return home{h.stack, account, region}
}

// host is the host that the URIs of its repositories begin with.
func (h home) host() string {
	return fmt.Sprintf("%s.dkr.ecr.%s.%s", *h.account, *h.region, *h.stack.UrlSuffix())
}

// arn is the ARN of the repositories with a name, which may hold wildcards.
func (h home) arn(name string) *string {
	return h.stack.FormatArn(&awscdk.ArnComponents{
		Service:      jsii.String("ecr"),
		Account:      h.account,
		Region:       h.region,
		Resource:     jsii.String("repository"),
		ResourceName: jsii.String(name),
	})
}

// arns are the ARNs of the repositories with the names.
func (h home) arns(names []string) []*string {
	var arns []*string
	for _, name := range names {
		arns = append(arns, h.arn(name))
	}
	return arns
}

// below is the name of a repository below a prefix.
func below(prefix, name string) string {
	if prefix == rootPrefix {
		return name
	}
	return prefix + "/" + name
}
