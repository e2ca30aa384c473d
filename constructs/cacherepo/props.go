package cacherepo

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/lifecycle"
)

// CacheRepositoryProps are the props of a CacheRepository.
type CacheRepositoryProps struct {
	// RepositoryName is the physical name. Set it when another account or app refers to the repository.
	// Default: CloudFormation generates a name.
	RepositoryName *string

	// LifecycleRules define when caches expire. Rules for archived images are refused.
	// Default: lifecycle.CacheRules(): replaced manifests after 1 day, caches 30 days after the last write,
	// records after 120 days. With IMMUTABLE_WITH_EXCLUSION: lifecycle.SharedRules, which keep images.
	LifecycleRules *[]*lifecycle.Rule

	// Readers are principals of other accounts that may import caches. Their own policies must allow it too;
	// GrantRead on an imported repository adds that.
	// Default: none.
	Readers *[]*access.Party

	// Writers are principals of other accounts that may import and export caches.
	// Default: none.
	Writers *[]*access.Party

	// ImageTagMutability defines which tags a push may overwrite. With
	// awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION the repository can hold images as well as caches: image
	// tags are immutable, and each build overwrites the cache tags that match
	// ImageTagMutabilityExclusionFilters. IMMUTABLE is refused, because a build could write its cache only
	// once.
	// Default: awsecr.TagMutability_MUTABLE, for a repository that holds only caches.
	ImageTagMutability awsecr.TagMutability

	// ImageTagMutabilityExclusionFilters are 1 to 5 patterns of tags to which ImageTagMutability does not
	// apply, such as "app--*": letters, digits, '.', '_', '-' and '*' for any text. Required with a
	// mutability WITH_EXCLUSION.
	// Default: none.
	ImageTagMutabilityExclusionFilters *[]*string

	// Encryption is the encryption of the stored layers: awsecr.RepositoryEncryption_AES_256, _KMS or
	// _KMS_DSSE (only in GovCloud regions). A change, also of EncryptionKey, replaces a deployed repository.
	// With a RepositoryName the deployment fails instead, because CloudFormation cannot replace a resource
	// that keeps its name: change RepositoryName too, or deploy once without the repository.
	// Default: AES-256 with keys of Amazon S3, or KMS if EncryptionKey is set.
	Encryption awsecr.RepositoryEncryption

	// EncryptionKey is a KMS key of the repository's region. Readers and writers need no permission for it:
	// ECR creates its own grants on the key together with the repository. The role that deploys the stack
	// needs kms:DescribeKey, kms:CreateGrant and kms:RetireGrant for that
	// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html).
	// Default: the AWS managed key aws/ecr, with KMS.
	EncryptionKey awskms.IKey

	// ImageScanOnPush scans pushed images. It is of no use for caches: their scans end as unsupported. The
	// registry's scanning configuration takes precedence.
	// Default: false.
	ImageScanOnPush *bool

	// Tags are the tags of the repository resource.
	// Default: the tags of the stack.
	Tags *map[string]*string

	// RemovalPolicy defines what happens to the repository when it is removed from the stack. Caches can be
	// rebuilt, and a retained repository blocks the next deployment under the same name. RETAIN keeps the
	// repository even if the deployment that creates it is rolled back; RETAIN_ON_UPDATE_OR_DELETE does not.
	// Default: awscdk.RemovalPolicy_DESTROY, including all caches; RETAIN_ON_UPDATE_OR_DELETE for a repository
	// that also holds images.
	RemovalPolicy awscdk.RemovalPolicy
}

// holdsImages reports whether the repository holds images as well as caches.
func (p *CacheRepositoryProps) holdsImages() bool {
	return p.ImageTagMutability == awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION
}

func (p *CacheRepositoryProps) rules() *[]*lifecycle.Rule {
	switch {
	case p.LifecycleRules != nil:
		return p.LifecycleRules
	case p.holdsImages() && p.ImageTagMutabilityExclusionFilters != nil:
		return lifecycle.SharedRules(p.ImageTagMutabilityExclusionFilters)
	}
	return lifecycle.CacheRules()
}

func (p *CacheRepositoryProps) removalPolicy() awscdk.RemovalPolicy {
	switch {
	case p.RemovalPolicy != "":
		return p.RemovalPolicy
	case p.holdsImages():
		return awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	}
	return awscdk.RemovalPolicy_DESTROY
}

// exclusionFilters returns the patterns as the CDK's type.
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

// encryption returns nil for the default. It is set on the CloudFormation resource because awsecr.Repository
// accepts no key with KMS_DSSE, although ECR does.
func (p *CacheRepositoryProps) encryption() *awsecr.CfnRepository_EncryptionConfigurationProperty {
	encryption := p.Encryption
	switch {
	case encryption == nil && p.EncryptionKey == nil:
		return nil
	case encryption == nil:
		encryption = awsecr.RepositoryEncryption_KMS()
	}
	kind := *encryption.Value()
	if kind == *awsecr.RepositoryEncryption_AES_256().Value() {
		return nil
	}
	configuration := &awsecr.CfnRepository_EncryptionConfigurationProperty{EncryptionType: &kind}
	if p.EncryptionKey != nil {
		configuration.KmsKey = p.EncryptionKey.KeyArn()
	}
	return configuration
}
