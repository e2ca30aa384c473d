// Package ecrname reads the names of Amazon ECR repositories that are known at synthesis.
package ecrname

import (
	"regexp"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"

	"github.com/layercache/layercache/constructs/validation"
)

// Literal returns the name of a repository if it is known at synthesis: the name of an imported repository, or
// the physical name of a new one. Otherwise it returns "".
func Literal(repository awsecr.IRepository) string {
	name := repository.RepositoryName()
	if cfn, ok := repository.Node().DefaultChild().(awsecr.CfnRepository); ok {
		name = cfn.RepositoryName()
	}
	if !validation.IsLiteral(name) {
		return ""
	}
	return *name
}

// ID tells repositories apart as far as they are known at synthesis.
type ID struct {
	path, name string
	// registry is asked only for repositories with one name.
	registry func() registry
}

type registry struct{ account, region *string }

// IDOf returns the ID of a repository.
func IDOf(repository awsecr.IRepository) ID {
	return ID{*repository.Node().Path(), Literal(repository), sync.OnceValue(func() registry {
		account, region := Registry(repository)
		return registry{account, region}
	})}
}

// Same reports whether the IDs are of one construct, or have the same name and are not known to be in different
// registries.
func (a ID) Same(b ID) bool {
	if a.path == b.path {
		return true
	}
	if a.name == "" || a.name != b.name {
		return false
	}
	registryA, registryB := a.registry(), b.registry()
	return !Differ(registryA.account, registryB.account) && !Differ(registryA.region, registryB.region)
}

// Differ reports whether two accounts or regions are known at synthesis and not the same.
func Differ(a, b *string) bool {
	return validation.IsLiteral(a) && validation.IsLiteral(b) && *a != *b
}

// Same reports whether the IDs of two repositories are the same.
func Same(a, b awsecr.IRepository) bool { return IDOf(a).Same(IDOf(b)) }

var registryForm = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.`)

// Registry returns the account and region of a repository; each may be a token.
func Registry(repository awsecr.IRepository) (account, region *string) {
	uri := awscdk.Stack_Of(repository).Resolve(repository.RepositoryUri())
	if object, ok := uri.(map[string]any); ok {
		if join, ok := object["Fn::Join"].([]any); ok && len(join) == 2 {
			if parts, ok := join[1].([]any); ok && len(parts) > 0 {
				uri = parts[0]
			}
		}
	}
	text, _ := uri.(string)
	if host := registryForm.FindStringSubmatch(text); host != nil {
		return &host[1], &host[2]
	}
	env := repository.Env() // The URI of a repository of this app names no account.
	return env.Account, env.Region
}
