package cacherepo

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"

	"github.com/layercache/layercache/constructs/lifecycle"
)

// CacheRepositoryProps are the props of a CacheRepository.
type CacheRepositoryProps struct {
	// RepositoryName is the physical name. Set it when another account or app
	// refers to the repository.
	// Default: CloudFormation makes a name.
	RepositoryName *string

	// LifecycleRules say when caches expire. Rules that archive are refused.
	// Default: lifecycle.CacheRules(): replaced manifests after 1 day, caches
	// that no build has written to after 30 days, records of their steps after
	// 120. With IMMUTABLE_WITH_EXCLUSION
	// they are lifecycle.SharedRules, which leave the images alone.
	LifecycleRules *[]*lifecycle.Rule

	// Readers may import caches, from other accounts. Their own accounts must
	// allow it too, which GrantRead does on an imported repository.
	// Default: none.
	Readers *[]*Party

	// Writers may import and export caches, from other accounts.
	// Default: none.
	Writers *[]*Party

	// ImageTagMutability says which tags a push may overwrite. With
	// awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION the repository can hold
	// images beside caches: their tags stay as they are while the cache tags,
	// named by ImageTagMutabilityExclusionFilters, are written anew by each
	// build. IMMUTABLE is refused, as no build could write its cache twice.
	// Default: awsecr.TagMutability_MUTABLE, a repository for caches alone.
	ImageTagMutability awsecr.TagMutability

	// ImageTagMutabilityExclusionFilters are 1 to 5 patterns of tags to which
	// ImageTagMutability does not apply, such as "app--*": letters, digits, '.',
	// '_', '-' and '*' for any text. Needed with a mutability WITH_EXCLUSION.
	// Default: none.
	ImageTagMutabilityExclusionFilters *[]*string

	// Encryption is that of the stored layers: awsecr.RepositoryEncryption_AES_256,
	// _KMS or _KMS_DSSE, which only the GovCloud regions have. It cannot be
	// changed later without a new repository.
	// Default: AES-256 with keys of Amazon S3, or KMS when EncryptionKey is set.
	Encryption awsecr.RepositoryEncryption

	// EncryptionKey is a KMS key of the repository's region. Readers and writers
	// need no permission on it: ECR uses it by grants that it makes for itself
	// when the repository is created. The role that deploys the stack needs
	// kms:DescribeKey, kms:CreateGrant and kms:RetireGrant for that
	// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html).
	// Default: with KMS, the AWS managed key aws/ecr.
	EncryptionKey awskms.IKey

	// ImageScanOnPush scans what is pushed. Caches are not images: a scan of one
	// finds nothing and ends as unsupported. The registry's own scanning
	// configuration goes before this one.
	// Default: false.
	ImageScanOnPush *bool

	// Tags are tags of the repository itself.
	// Default: those of the stack.
	Tags *map[string]*string

	// RemovalPolicy says what becomes of the repository when it leaves the
	// stack. A cache can be built again, and a kept repository would block the
	// next deployment under the same name.
	// Default: awscdk.RemovalPolicy_DESTROY, with all caches in it; RETAIN for a
	// repository that holds images too.
	RemovalPolicy awscdk.RemovalPolicy
}

// shared tells whether the repository holds images beside caches.
func (p *CacheRepositoryProps) shared() bool {
	return p.ImageTagMutability == awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION
}

func (p *CacheRepositoryProps) rules() *[]*lifecycle.Rule {
	switch {
	case p.LifecycleRules != nil:
		return p.LifecycleRules
	case p.shared() && p.ImageTagMutabilityExclusionFilters != nil:
		return lifecycle.SharedRules(p.ImageTagMutabilityExclusionFilters)
	}
	return lifecycle.CacheRules()
}

func (p *CacheRepositoryProps) removalPolicy() awscdk.RemovalPolicy {
	switch {
	case p.RemovalPolicy != "":
		return p.RemovalPolicy
	case p.shared():
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// exclusionFilters are the patterns in the form of the CDK.
func (p *CacheRepositoryProps) exclusionFilters() *[]awsecr.ImageTagMutabilityExclusionFilter {
	if p.ImageTagMutabilityExclusionFilters == nil {
		return nil
	}
	var filters []awsecr.ImageTagMutabilityExclusionFilter
	for _, pattern := range *p.ImageTagMutabilityExclusionFilters {
		filters = append(filters, awsecr.ImageTagMutabilityExclusionFilter_Wildcard(pattern))
	}
	return &filters
}

// encryption is nil for the default. awsecr.Repository would take no key
// together with KMS_DSSE, though ECR does.
func (p *CacheRepositoryProps) encryption() *awsecr.CfnRepository_EncryptionConfigurationProperty {
	kind := *awsecr.RepositoryEncryption_KMS().Value()
	switch {
	case p.Encryption != nil:
		kind = *p.Encryption.Value()
	case p.EncryptionKey == nil:
		return nil
	}
	if kind == *awsecr.RepositoryEncryption_AES_256().Value() {
		return nil
	}
	configuration := &awsecr.CfnRepository_EncryptionConfigurationProperty{EncryptionType: &kind}
	if p.EncryptionKey != nil {
		configuration.KmsKey = p.EncryptionKey.KeyArn()
	}
	return configuration
}
