// Package cacherepo provides the Amazon ECR repository that holds layer caches.
package cacherepo

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

// ICacheRepository is a repository of layer caches, created in this app or imported.
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
	// AddToResourcePolicy adds a statement to the repository policy. On an imported repository it reports an
	// error.
	AddToResourcePolicy(statement awsiam.PolicyStatement) *awsiam.AddToResourcePolicyResult
	// GrantRead lets the grantee import caches.
	GrantRead(grantee awsiam.IGrantable) awsiam.Grant
	// GrantWrite lets the grantee import and export caches.
	GrantWrite(grantee awsiam.IGrantable) awsiam.Grant
	// MetricRepositoryPullCount counts the pulls from the repository.
	MetricRepositoryPullCount(options *awscloudwatch.MetricOptions) awscloudwatch.Metric
	// OnCachePushed starts a target when a build has exported a cache.
	OnCachePushed(id *string, options *awsevents.OnEventOptions) awsevents.Rule
}

// CacheRepository is an ECR repository for layer caches. Tags are mutable, nothing is scanned (caches are not
// images), and lifecycle rules expire old caches.
type CacheRepository struct {
	constructs.Construct
	repository awsecr.IRepository
	owner      owner
	shared     *perstack.Shared
	// uri and arn are cached answers of the CDK's process, because every build asks for them.
	uri, arn *string
}

// owner describes where the repository is and who manages it.
type owner struct {
	// account and region of the repository; they may be tokens.
	account, region *string
	// name is the physical name, or "" if CloudFormation generates it.
	name string
	// imported reports whether the repository is created elsewhere.
	imported bool
	// policyAllows reports whether the policy of an imported repository already allows the grantees.
	policyAllows bool
}

// NewCacheRepository creates a repository for layer caches.
func NewCacheRepository(scope constructs.Construct, id *string, props *CacheRepositoryProps) *CacheRepository {
	c := &CacheRepository{}
	constructs.NewConstruct_Override(c, scope, id)
	if props == nil {
		props = &CacheRepositoryProps{}
	}
	c.shared = perstack.SharedOf(scope)
	policy, problems := lifecycle.RenderCache("LifecycleRules", props.rules())
	problems = append(problems, checkProps(props, c.shared.Region())...)
	validation.Report(c, problems)
	if len(problems) > 0 {
		props = &CacheRepositoryProps{}
	}

	removal := props.removalPolicy()
	mutability := props.ImageTagMutability
	if mutability == "" {
		mutability = awsecr.TagMutability_MUTABLE
	}
	repository := awsecr.NewRepository(c, jsii.String("Repository"), &awsecr.RepositoryProps{
		RepositoryName:                     props.RepositoryName,
		ImageTagMutability:                 mutability,
		ImageTagMutabilityExclusionFilters: props.exclusionFilters(),
		ImageScanOnPush:                    props.ImageScanOnPush,
		RemovalPolicy:                      removal,
		EmptyOnDelete:                      jsii.Bool(removal == awscdk.RemovalPolicy_DESTROY),
	})
	cfn := repository.Node().DefaultChild().(awsecr.CfnRepository)
	cfn.SetLifecyclePolicy(&awsecr.CfnRepository_LifecyclePolicyProperty{LifecyclePolicyText: jsii.String(policy)})
	if encryption := props.encryption(); encryption != nil {
		cfn.SetEncryptionConfiguration(encryption)
	}
	addTags(repository, props.Tags)
	c.repository = repository
	c.owner = owner{account: c.shared.Account(), region: c.shared.Region()}
	if validation.IsLiteral(props.RepositoryName) {
		c.owner.name = *props.RepositoryName
	}
	share(repository, "ReadCaches", props.Readers, ecrgrant.PullActions())
	share(repository, "WriteCaches", props.Writers, ecrgrant.PushActions())
	return c
}

// Repository is the underlying ECR repository. The CDK silently ignores statements added to the policy of an
// imported one; CacheRepository.AddToResourcePolicy reports an error instead.
func (c *CacheRepository) Repository() awsecr.IRepository { return c.repository }

// RepositoryArn is the ARN of the repository.
func (c *CacheRepository) RepositoryArn() *string {
	if c.arn == nil {
		c.arn = c.repository.RepositoryArn()
	}
	return c.arn
}

// RepositoryName is the name of the repository in its registry.
func (c *CacheRepository) RepositoryName() *string { return c.repository.RepositoryName() }

// RepositoryUri is HOST/NAME, the value of LAYERCACHE_REPOSITORY.
func (c *CacheRepository) RepositoryUri() *string {
	if c.uri == nil {
		c.uri = c.repository.RepositoryUri()
	}
	return c.uri
}

// AddToResourcePolicy adds a statement to the repository policy. On an imported repository it reports an
// error, because CloudFormation cannot change the policy of another stack's repository.
func (c *CacheRepository) AddToResourcePolicy(statement awsiam.PolicyStatement) *awsiam.AddToResourcePolicyResult {
	if c.owner.imported {
		validation.Report(c, []validation.Problem{{
			Prop:  "AddToResourcePolicy",
			Wrong: "has no effect on an imported repository: its policy belongs to the stack that creates it",
			Fix:   "add the statement there, or set Readers and Writers of its CacheRepositoryProps",
		}})
		return &awsiam.AddToResourcePolicyResult{StatementAdded: jsii.Bool(false)}
	}
	return c.repository.AddToResourcePolicy(statement)
}
