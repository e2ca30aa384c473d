// Package cacherepo makes the Amazon ECR repository that holds layer caches and
// nothing else.
package cacherepo

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

// ICacheRepository is a repository of layer caches, made here or imported.
type ICacheRepository interface {
	constructs.IConstruct

	// Repository is the underlying ECR repository.
	Repository() awsecr.IRepository
	// RepositoryArn is the ARN of the repository.
	RepositoryArn() *string
	// RepositoryName is the name of the repository in its registry.
	RepositoryName() *string
	// RepositoryUri is HOST/NAME, the value of LAYERCACHE_REPOSITORY.
	RepositoryUri() *string
	// GrantRead lets the grantee import caches.
	GrantRead(grantee awsiam.IGrantable) awsiam.Grant
	// GrantWrite lets the grantee import and export caches.
	GrantWrite(grantee awsiam.IGrantable) awsiam.Grant
}

// CacheRepositoryProps are the props of a CacheRepository.
type CacheRepositoryProps struct {
	// RepositoryName is the physical name. Set it when another account or app
	// refers to the repository.
	// Default: CloudFormation makes a name.
	RepositoryName *string

	// LifecycleRules say when caches expire.
	// Default: lifecycle.CacheRules(): replaced manifests after 1 day, caches
	// that no build has written to after 30 days.
	LifecycleRules *[]*lifecycle.Rule

	// Readers may import caches, from other accounts. Their own accounts must
	// allow it too, which GrantRead does on an imported repository.
	// Default: none.
	Readers *[]*Party

	// Writers may import and export caches, from other accounts.
	// Default: none.
	Writers *[]*Party

	// RemovalPolicy says what becomes of the repository when it leaves the
	// stack. A cache can be built again, and a kept repository would block the
	// next deployment under the same name.
	// Default: awscdk.RemovalPolicy_DESTROY, with all caches in it.
	RemovalPolicy awscdk.RemovalPolicy
}

// CacheRepository is an ECR repository for layer caches: mutable tags, not
// scanned (caches are not images), expiring by lifecycle rules.
type CacheRepository struct {
	constructs.Construct
	repository awsecr.IRepository
}

// NewCacheRepository makes a repository for layer caches.
func NewCacheRepository(scope constructs.Construct, id *string, props *CacheRepositoryProps) *CacheRepository {
	c := &CacheRepository{}
	constructs.NewConstruct_Override(c, scope, id)
	if props == nil {
		props = &CacheRepositoryProps{}
	}
	rules := props.LifecycleRules
	if rules == nil {
		rules = lifecycle.CacheRules()
	}
	policy, problems := lifecycle.Render("LifecycleRules", rules)
	problems = append(problems, checkName(props.RepositoryName)...)
	problems = append(problems, checkParties("Readers", props.Readers)...)
	problems = append(problems, checkParties("Writers", props.Writers)...)
	validation.Report(c, problems)
	if len(problems) > 0 {
		props = &CacheRepositoryProps{}
	}

	removal := props.RemovalPolicy
	if removal == "" {
		removal = awscdk.RemovalPolicy_DESTROY
	}
	repository := awsecr.NewRepository(c, jsii.String("Repository"), &awsecr.RepositoryProps{
		RepositoryName:     props.RepositoryName,
		ImageTagMutability: awsecr.TagMutability_MUTABLE,
		RemovalPolicy:      removal,
		EmptyOnDelete:      jsii.Bool(removal == awscdk.RemovalPolicy_DESTROY),
	})
	cfn := repository.Node().DefaultChild().(awsecr.CfnRepository)
	cfn.SetLifecyclePolicy(&awsecr.CfnRepository_LifecyclePolicyProperty{LifecyclePolicyText: jsii.String(policy)})
	c.repository = repository
	share(repository, "ReadCaches", props.Readers, ecrgrant.PullActions())
	share(repository, "WriteCaches", props.Writers, ecrgrant.PushActions())
	return c
}

// Repository is the underlying ECR repository.
func (c *CacheRepository) Repository() awsecr.IRepository { return c.repository }

// RepositoryArn is the ARN of the repository.
func (c *CacheRepository) RepositoryArn() *string { return c.repository.RepositoryArn() }

// RepositoryName is the name of the repository in its registry.
func (c *CacheRepository) RepositoryName() *string { return c.repository.RepositoryName() }

// RepositoryUri is HOST/NAME, the value of LAYERCACHE_REPOSITORY.
func (c *CacheRepository) RepositoryUri() *string { return c.repository.RepositoryUri() }

// GrantRead lets the grantee import caches. On an imported repository of
// another account it is half of the permission: the account that owns the
// repository names the reader in CacheRepositoryProps.Readers.
func (c *CacheRepository) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	return ecrgrant.Pull(c.repository, grantee)
}

// GrantWrite lets the grantee import and export caches. On an imported
// repository of another account it is half of the permission: the account that
// owns the repository names the writer in CacheRepositoryProps.Writers.
func (c *CacheRepository) GrantWrite(grantee awsiam.IGrantable) awsiam.Grant {
	return ecrgrant.Push(c.repository, grantee)
}
