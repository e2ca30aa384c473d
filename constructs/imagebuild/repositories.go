package imagebuild

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"

	"github.com/layercache/layercache/constructs/internal/ecrname"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// pushes is a repository that builds of an ImageBuild push images to.
type pushes struct {
	build      *ImageBuild
	repository awsecr.IRepository
}

// stackPushes are the repositories that release builds and builds of pull requests of a stack push to.
type stackPushes struct{ release, pullRequests []pushes }

var stackRepositories perstack.Memo[struct{}, *stackPushes]

// find returns the first other build that pushes to the repository, or nil.
func (b *ImageBuild) find(among []pushes, repository awsecr.IRepository) *ImageBuild {
	for _, other := range among {
		if other.build != b && ecrname.Same(repository, other.repository) {
			return other.build
		}
	}
	return nil
}

// releaseRepositories returns the repositories of release builds by the prop that sets them.
func (b *ImageBuild) releaseRepositories() map[string]awsecr.IRepository {
	switch {
	case b.options.bake.enabled:
		all := map[string]awsecr.IRepository{}
		for target, repository := range b.options.bake.images {
			prop := "Bake.Images"
			if _, new := b.options.bake.newImages[target]; new {
				prop = "Bake.ImageNames"
			}
			all[fmt.Sprintf("%s[%q]", prop, target)] = repository
		}
		return all
	case b.options.image.repository == nil:
		return map[string]awsecr.IRepository{"ImageName": b.image}
	default:
		return map[string]awsecr.IRepository{"Image": b.image}
	}
}

// checkOtherBuilds checks that no pull request may push to where another build of the stack pushes releases, and
// notes the repositories of this build for the next ones.
func (b *ImageBuild) checkOtherBuilds() {
	var problems validation.Problems
	all := stackRepositories.Get(b.shared, struct{}{}, func() *stackPushes { return &stackPushes{} })
	if previews := b.options.pullRequests.image; previews != nil {
		if other := b.find(all.release, previews); other != nil {
			problems.Add("PullRequests.Image", fmt.Sprintf("is the image repository of %s, where a pull request could replace a release", *other.Node().Path()),
				"use another repository, or leave it out")
		}
		all.pullRequests = append(all.pullRequests, pushes{b, previews})
	}
	repositories := b.releaseRepositories()
	for _, prop := range slices.Sorted(maps.Keys(repositories)) {
		if other := b.find(all.pullRequests, repositories[prop]); other != nil {
			problems.Add(prop, fmt.Sprintf("is a repository that pull requests of %s push to, where one could replace a release", *other.Node().Path()),
				"use another repository here or there")
		}
		all.release = append(all.release, pushes{b, repositories[prop]})
	}
	validation.Report(b, problems)
}
