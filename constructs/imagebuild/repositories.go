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

// content is what a repository holds for a build.
type content struct{ name, replaced string }

var (
	imageContent     = content{"image", "release"}
	cacheContent     = content{"cache", "cache"}
	baseImageContent = content{"base image", "base image"}
)

// repositoryUse is a repository that release builds of an ImageBuild read or write, or that its builds of pull
// requests write.
type repositoryUse struct {
	build        *ImageBuild
	prop         string
	repository   awsecr.IRepository
	content      content
	pullRequests bool
}

// stackUses are the uses of repositories that are in a stack or used there.
var stackUses perstack.Memo[struct{}, *[]repositoryUse]

// repositoryIDs are compared with those of all other builds of a stack.
var repositoryIDs perstack.Memo[awsecr.IRepository, ecrname.ID]

// repositoryUses returns the uses of the repositories in the order of their checks.
func (b *ImageBuild) repositoryUses() []repositoryUse {
	var uses []repositoryUse
	add := func(prop string, repository awsecr.IRepository, content content, pullRequests bool) {
		uses = append(uses, repositoryUse{b, prop, repository, content, pullRequests})
	}
	if previews := b.options.pullRequests.image; previews != nil {
		add("PullRequests.Image", previews, imageContent, true)
	}
	if cache := b.options.pullRequests.cache; cache != nil {
		add("PullRequests.Cache", cache.Repository(), cacheContent, true)
	}
	releases := b.releaseRepositories()
	for _, prop := range slices.Sorted(maps.Keys(releases)) {
		add(prop, releases[prop], imageContent, false)
	}
	if cache := b.options.cache.repository; cache != nil {
		add("Cache", cache.Repository(), cacheContent, false)
	}
	for i, image := range b.options.triggers.baseImages {
		add(fmt.Sprintf("Triggers.BaseImages[%d]", i), image.repository, baseImageContent, false)
	}
	return uses
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

// checkRepositories checks that no builds of pull requests write what release builds read or write, of this build
// or of another in the same stack, and notes the repositories of this build for the next ones. A repository in
// another stack is compared with all its uses.
func (b *ImageBuild) checkRepositories() {
	var problems validation.Problems
	for _, use := range b.repositoryUses() {
		tables := []*perstack.Shared{b.shared}
		if home := b.shared.ForStackOf(use.repository); home != b.shared {
			tables = append(tables, home)
		}
		var found bool
		for _, shared := range tables {
			table := stackUses.Get(shared, struct{}{}, func() *[]repositoryUse { return &[]repositoryUse{} })
			if at := slices.IndexFunc(*table, use.conflicts); at >= 0 && !found {
				found = true
				use.addConflict(&problems, (*table)[at])
			}
			*table = append(*table, use)
		}
	}
	validation.Report(b, problems)
}

// conflicts reports whether the uses are of one repository that they must not share. Pull requests of several
// builds may share a cache, and so may releases.
func (u repositoryUse) conflicts(other repositoryUse) bool {
	apart := u.pullRequests != other.pullRequests || u.pullRequests && u.content != other.content
	return apart && u.id().Same(other.id())
}

func (u repositoryUse) id() ecrname.ID {
	return repositoryIDs.Get(u.build.shared, u.repository, func() ecrname.ID { return ecrname.IDOf(u.repository) })
}

// addConflict adds the problem of a use whose repository the other use has.
func (u repositoryUse) addConflict(problems *validation.Problems, other repositoryUse) {
	of := *other.build.Node().Path()
	switch {
	case !u.pullRequests:
		problems.Add(u.prop, fmt.Sprintf("is a repository that pull requests of %s push to, where one could replace a %s", of, u.content.replaced),
			"use another repository here or there")
	case other.pullRequests:
		problems.Add(u.prop, fmt.Sprintf("is the %s repository of pull requests of %s: pushing the image would overwrite the cache", other.content.name, of),
			"use another repository here or there")
	default:
		problems.Add(u.prop, fmt.Sprintf("is the %s repository of %s, where a pull request could replace a %s", other.content.name, of, other.content.replaced),
			"use another repository, or leave it out")
	}
}
