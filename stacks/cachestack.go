package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/constructs/cacherepo"
)

// DefaultTiers returns the names of the tiers of a CacheStack without Tiers.
func DefaultTiers() []string { return []string{"dev", "prod"} }

// TierRepositoryName returns the physical name of the cache repository of a tier, NAME/cache/TIER. Stacks of
// other accounts import it by this name.
func TierRepositoryName(name, tier string) string { return name + "/cache/" + tier }

// CacheStackProps are the props of a CacheStack.
type CacheStackProps struct {
	awscdk.StackProps

	// Name is the prefix of the names of the repositories.
	// Default: "layercache".
	Name *string

	// Tiers are the caches by name. A build reads and writes the cache of one tier; less trusted builds write
	// another tier. The default of RepositoryName is TierRepositoryName.
	// Default: DefaultTiers, without readers and writers of other accounts.
	Tiers map[string]*cacherepo.CacheRepositoryProps

	// EncryptionKeyArn is the ARN of a KMS key in the stack's region, for tiers without an EncryptionKey.
	// Default: none.
	EncryptionKeyArn *string

	// Share exports the caches and the helper for CodeBuild projects of other apps: attach.Exports, whose Prefix
	// is Name and whose Caches are the tiers.
	// Default: false.
	Share *bool

	// HelperZip is that of attach.ExportsProps.
	// Default: compiled from source.
	HelperZip *string
}

// CacheStack contains the caches of all tiers, in the account that shares them.
type CacheStack struct {
	awscdk.Stack
	caches map[string]*cacherepo.CacheRepository
}

// NewCacheStack creates the stack.
func NewCacheStack(scope constructs.Construct, id *string, props *CacheStackProps) *CacheStack {
	s := &CacheStack{caches: map[string]*cacherepo.CacheRepository{}}
	if props == nil {
		props = &CacheStackProps{}
	}
	awscdk.NewStack_Override(s, scope, id, &props.StackProps)
	name, tiers := defaultName, props.Tiers
	if props.Name != nil {
		name = *props.Name
	}
	if len(tiers) == 0 {
		tiers = map[string]*cacherepo.CacheRepositoryProps{}
		for _, tier := range DefaultTiers() {
			tiers[tier] = nil
		}
	}
	var key awskms.IKey
	if props.EncryptionKeyArn != nil {
		key = awskms.Key_FromKeyArn(s, jsii.String("Key"), props.EncryptionKeyArn)
	}
	for _, tier := range slices.Sorted(maps.Keys(tiers)) {
		s.addTier(name, tier, tiers[tier], key)
	}
	if props.Share != nil && *props.Share {
		caches := map[string]cacherepo.ICacheRepository{}
		for tier, cache := range s.caches {
			caches[tier] = cache
		}
		attach.NewExports(s, jsii.String("Share"), &attach.ExportsProps{Prefix: &name, Caches: caches, HelperZip: props.HelperZip})
	}
	return s
}

func (s *CacheStack) addTier(name, tier string, props *cacherepo.CacheRepositoryProps, key awskms.IKey) {
	own := cacherepo.CacheRepositoryProps{}
	if props != nil {
		own = *props
	}
	if own.EncryptionKey == nil {
		own.EncryptionKey = key
	}
	if own.RepositoryName == nil {
		own.RepositoryName = jsii.String(TierRepositoryName(name, tier))
	}
	cache := cacherepo.NewCacheRepository(s, jsii.String("Cache-"+tier), &own)
	s.caches[tier] = cache
	awscdk.NewCfnOutput(cache, jsii.String("Uri"), &awscdk.CfnOutputProps{
		Description: jsii.String("LAYERCACHE_REPOSITORY of tier " + tier + ", for builds outside of CodeBuild"),
		Value:       cache.RepositoryUri(),
	})
}

// Cache returns the cache of a tier, or nil.
func (s *CacheStack) Cache(tier string) *cacherepo.CacheRepository { return s.caches[tier] }
