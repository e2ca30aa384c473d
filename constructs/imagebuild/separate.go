package imagebuild

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"

	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// repositoryNames are the names of cache repositories, which every build of a
// stack compares with its own.
var repositoryNames perstack.Memo[awsecr.IRepository, string]

// checkSeparate refuses one repository for images and caches.
func checkSeparate(shared *perstack.Shared, props *ImageBuildProps) []validation.Problem {
	if props.Cache == nil {
		return nil
	}
	cache := props.Cache.Repository()
	prop, same := "Image", false
	switch {
	case props.Image != nil:
		same = sameRepository(props.Image, cache)
	case validation.IsLiteral(props.ImageName):
		name := repositoryNames.Get(shared, cache, func() string { return literalName(cache) })
		prop, same = "ImageName", *props.ImageName == name
	}
	if !same {
		return nil
	}
	return []validation.Problem{{
		Prop:  prop,
		Wrong: "is the cache repository: pushing the image would overwrite the cache",
		Fix:   "give the images a repository of their own",
	}}
}

// isImage tells whether the repository is that of release images.
func (p *ImageBuildProps) isImage(repository awsecr.IRepository) bool {
	if p.Image != nil {
		return sameRepository(repository, p.Image)
	}
	return validation.IsLiteral(p.ImageName) && literalName(repository) == *p.ImageName
}

// sameRepository tells whether two repositories are one construct, or have one
// name and nothing that tells their registries apart.
func sameRepository(a, b awsecr.IRepository) bool {
	if *a.Node().Path() == *b.Node().Path() {
		return true
	}
	name := literalName(a)
	return name != "" && name == literalName(b) && maybeEqual(registry(a), registry(b))
}

var registryForm = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.`)

// registry is the account and region at the front of the repository's URI, or
// "" where CloudFormation fills them in.
func registry(repository awsecr.IRepository) string {
	uri := awscdk.Stack_Of(repository).Resolve(repository.RepositoryUri())
	if object, ok := uri.(map[string]any); ok {
		if join, ok := object["Fn::Join"].([]any); ok && len(join) == 2 {
			if parts, ok := join[1].([]any); ok && len(parts) > 0 {
				uri = parts[0]
			}
		}
	}
	text, _ := uri.(string)
	return registryForm.FindString(text)
}

func maybeEqual(a, b string) bool { return a == "" || b == "" || a == b }
