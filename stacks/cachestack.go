package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
)

// CacheStackProps are the props of a CacheStack.
type CacheStackProps struct {
	awscdk.StackProps

	// Cache are the props of its repository. Give it a physical name, which a
	// BuildStack takes.
	Cache *cacherepo.CacheRepositoryProps
}

// CacheStack holds the cache repository, in the account that shares it.
type CacheStack struct {
	awscdk.Stack
	cache *cacherepo.CacheRepository
}

// NewCacheStack makes the stack.
func NewCacheStack(scope constructs.Construct, id *string, props *CacheStackProps) *CacheStack {
	s := &CacheStack{}
	awscdk.NewStack_Override(s, scope, id, &props.StackProps)
	s.cache = cacherepo.NewCacheRepository(s, jsii.String("Cache"), props.Cache)
	awscdk.NewCfnOutput(s, jsii.String("CacheRepositoryUri"), &awscdk.CfnOutputProps{
		Description: jsii.String("LAYERCACHE_REPOSITORY for builds outside of CodeBuild"),
		Value:       s.cache.RepositoryUri(),
	})
	return s
}

// Cache is the cache repository.
func (s *CacheStack) Cache() *cacherepo.CacheRepository { return s.cache }
