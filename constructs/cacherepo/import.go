package cacherepo

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// CacheRepositoryAttributes identify an existing cache repository.
type CacheRepositoryAttributes struct {
	// RepositoryName is the name of the repository in its registry. Required.
	RepositoryName *string

	// Account is the account of the repository.
	// Default: the account of the stack that imports it.
	Account *string

	// Region is the region of the repository.
	// Default: the region of the stack that imports it.
	Region *string

	// PolicyAllows declares that the repository policy already allows the grantees. Grants then print no
	// message about it.
	// Default: false.
	PolicyAllows *bool
}

// CacheRepository_FromCacheRepositoryAttributes imports a cache repository by name, account and region. It
// creates nothing and does not change the repository policy.
func CacheRepository_FromCacheRepositoryAttributes(scope constructs.Construct, id *string, attrs *CacheRepositoryAttributes) ICacheRepository {
	c := &CacheRepository{}
	constructs.NewConstruct_Override(c, scope, id)
	name := jsii.String("invalid")
	if attrs != nil && attrs.RepositoryName != nil {
		name = attrs.RepositoryName
	} else {
		attrs = &CacheRepositoryAttributes{}
		validation.Report(c, []validation.Problem{{Prop: "RepositoryName", Wrong: "is missing", Fix: "give the name of the cache repository"}})
	}
	c.shared = perstack.SharedOf(scope)
	arn := c.shared.Stack().FormatArn(&awscdk.ArnComponents{
		Service:      jsii.String("ecr"),
		Resource:     jsii.String("repository"),
		ResourceName: name,
		Account:      attrs.Account,
		Region:       attrs.Region,
	})
	c.repository = awsecr.Repository_FromRepositoryAttributes(c, jsii.String("Repository"), &awsecr.RepositoryAttributes{
		RepositoryArn:  arn,
		RepositoryName: name,
	})
	c.owner = owner{
		account:      orElse(attrs.Account, c.shared.Account()),
		region:       orElse(attrs.Region, c.shared.Region()),
		name:         textOr(name, "NAME"),
		imported:     true,
		policyAllows: attrs.PolicyAllows != nil && *attrs.PolicyAllows,
	}
	return c
}

// CacheRepository_FromCacheRepositoryArn imports a cache repository by its ARN, which must be known at
// synthesis (no token). It creates nothing and does not change the repository policy.
func CacheRepository_FromCacheRepositoryArn(scope constructs.Construct, id *string, arn *string) ICacheRepository {
	c := &CacheRepository{}
	constructs.NewConstruct_Override(c, scope, id)
	c.owner, c.shared = owner{imported: true}, perstack.SharedOf(scope)
	if problem := checkArn(arn); problem != nil {
		validation.Report(c, []validation.Problem{*problem})
		c.repository = awsecr.Repository_FromRepositoryName(c, jsii.String("Repository"), jsii.String("invalid"))
		return c
	}
	c.repository = awsecr.Repository_FromRepositoryArn(c, jsii.String("Repository"), arn)
	parts := strings.SplitN(*arn, ":", 6)
	c.owner.region, c.owner.account, c.owner.name = &parts[3], &parts[4], strings.TrimPrefix(parts[5], "repository/")
	return c
}

func orElse(s, otherwise *string) *string {
	if s == nil {
		return otherwise
	}
	return s
}
