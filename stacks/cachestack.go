package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
)

// DefaultTiers are the names of the tiers of a CacheStack that is given none.
func DefaultTiers() []string { return []string{"dev", "prod"} }

// TierRepositoryName is the physical name of the cache of a tier, which the
// stacks of other accounts import: NAME/cache/TIER.
func TierRepositoryName(name, tier string) string { return name + "/cache/" + tier }

// CacheStackProps are the props of a CacheStack.
type CacheStackProps struct {
	awscdk.StackProps

	// Name starts the names of the repositories.
	// Default: "layercache".
	Name *string

	// Tiers are the caches by their names. A build reads and writes the cache of
	// one tier; what less trusted builds write is in another one.
	// RepositoryName of their props is TierRepositoryName by default.
	// Default: DefaultTiers, without readers and writers of other accounts.
	Tiers map[string]*cacherepo.CacheRepositoryProps

	// EncryptionKeyArn is a KMS key of the stack's region for the tiers that set
	// no EncryptionKey.
	// Default: none.
	EncryptionKeyArn *string
}

// CacheStack holds the caches of all tiers, in the account that shares them.
type CacheStack struct {
	awscdk.Stack
	caches map[string]*cacherepo.CacheRepository
}

// NewCacheStack makes the stack.
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

// Cache is the cache of a tier, or nil.
func (s *CacheStack) Cache(tier string) *cacherepo.CacheRepository { return s.caches[tier] }
