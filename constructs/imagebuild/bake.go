package imagebuild

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrname"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// Bake builds the targets of a bake or Compose file with `layercache bake`, each with a cache of its own.
type Bake struct {
	// File is the path of the file from the root of the source.
	// Default: the files that docker buildx bake finds.
	File *string

	// Images are the repositories that the images of the targets are pushed to, by the target's name. Each gets Tags.
	// Other targets are built only if one of these needs them. Images or ImageNames must name a target.
	// Default: only ImageNames.
	Images *map[string]awsecr.IRepository

	// ImageNames are the names of new repositories for the images of further targets, by the target's name.
	// Default: no new repository.
	ImageNames *map[string]*string
}

// bakeOptions are the resolved values of Bake.
type bakeOptions struct {
	enabled bool
	// file is "true" for the files that buildx finds.
	file   string
	images map[string]awsecr.IRepository
	// newImages are the names of the repositories that createBakeImages adds to images.
	newImages map[string]string
}

func resolveBake(set *Bake) bakeOptions {
	if set == nil {
		return bakeOptions{}
	}
	images := map[string]awsecr.IRepository{}
	maps.Copy(images, valueOr(set.Images, nil))
	return bakeOptions{enabled: true, file: valueOr(set.File, "true"), images: images, newImages: stringMap(set.ImageNames)}
}

// createBakeImages makes the new repositories.
func (b *ImageBuild) createBakeImages() {
	o := b.options.bake
	for _, target := range slices.Sorted(maps.Keys(o.newImages)) {
		o.images[target] = b.newImageRepository("Image-"+target, jsii.String(o.newImages[target]))
	}
}

// targets returns the names of the targets with an existing repository, or after createBakeImages of all, sorted.
func (o bakeOptions) targets() []string { return slices.Sorted(maps.Keys(o.images)) }

// firstImage returns the repository of the first target, or nil.
func (o bakeOptions) firstImage() awsecr.IRepository {
	for _, target := range o.targets() {
		return o.images[target]
	}
	return nil
}

// pushesTo reports whether the repository is that of a target.
func (o bakeOptions) pushesTo(repository awsecr.IRepository) bool {
	name := ecrname.Literal(repository)
	for _, new := range o.newImages {
		if name == new {
			return true
		}
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(o.images)), func(image awsecr.IRepository) bool {
		return image != nil && ecrname.Same(image, repository)
	})
}

// bakeTargetForm is the form of a target's name: https://docs.docker.com/build/bake/reference/#target.
var bakeTargetForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkBake checks the plain values of Bake.
func checkBake(problems *validation.Problems, r *resolved) {
	if !r.bake.enabled {
		return
	}
	if validation.IsLiteral(&r.bake.file) && !isInsideSource(r.bake.file) {
		problems.Add("Bake.File", fmt.Sprintf("%q has the wrong form", r.bake.file), "give a path inside the source, from its root, such as docker-bake.hcl")
	}
	if len(r.bake.images)+len(r.bake.newImages) == 0 {
		problems.Add("Bake", "has no target", "name the targets to build in Images, which have a repository, or in ImageNames, which get a new one")
	}
	checkNewBakeImages(problems, r.bake)
	for _, target := range r.bake.targets() {
		at := fmt.Sprintf("Bake.Images[%q]", target)
		if !bakeTargetForm.MatchString(target) {
			problems.Add(at, "is not a valid name of a target", "use letters, digits, '_' and '-'")
		}
	}
	if r.build.target != nil {
		problems.Add("Build.Target", "is the stage of one image, but Bake builds the targets of a file", "set target in the file")
	}
	if r.build.batch {
		problems.Add("Build.Platforms", "needs a machine for each platform, which Bake cannot use", "give one platform, or set Build.CrossCompile")
	}
	if r.cache.mode == InlineCache || r.cache.mode == ImageCache {
		problems.Add("CacheMode", fmt.Sprintf("%q keeps one image's cache, but Bake builds several images", r.cache.mode), "use the default")
	}
	if r.deploy != nil {
		problems.Add("BuildOnDeploy", "waits for one image, but Bake builds several images", "leave out one of the two")
	}
	if r.pullRequests.enabled {
		problems.Add("Bake", "is not possible with builds of pull requests: a bake file can hand every variable of the build to a step",
			"leave out PullRequests, and give the webhook filters without events of pull requests")
	}
}

// newNameFix says how the name of a new repository has to be.
const newNameFix = "use 2 to 256 lower-case letters and digits with one '/', '.', '_' or '-' between them, such as team/shop"

// checkNewBakeImages checks the targets with a new repository, and that no two share one.
func checkNewBakeImages(problems *validation.Problems, o bakeOptions) {
	owners := map[string]string{}
	for _, target := range slices.Sorted(maps.Keys(o.newImages)) {
		at, name := fmt.Sprintf("Bake.ImageNames[%q]", target), o.newImages[target]
		_, existing := o.images[target]
		switch {
		case !bakeTargetForm.MatchString(target):
			problems.Add(at, "is not a valid name of a target", "use letters, digits, '_' and '-'")
		case existing:
			problems.Add(at, "has a repository in Images already", "keep one of the two")
		case validation.IsLiteral(&name) && !validation.IsNewRepositoryName(name):
			problems.Add(at, fmt.Sprintf("%q is not a name of an ECR repository", name), newNameFix)
		case owners[name] != "":
			problems.Add(at, "is the repository of "+owners[name]+" too, so both would push the same tags", "give each target a repository of its own")
		}
		owners[name] = target
	}
}

// checkBakeImages checks that no target's image is pushed to the cache repository, and that no two share a repository:
// they would push the same tags.
func checkBakeImages(problems *validation.Problems, shared *perstack.Shared, r *resolved) {
	const pushes, separate = "is the cache repository: pushing the image would overwrite the cache", "use a separate repository for the images"
	if r.cache.repository != nil && len(r.bake.newImages) > 0 {
		cache := r.cache.repository.Repository()
		name := repositoryNames.Get(shared, cache, func() string { return ecrname.Literal(cache) })
		for _, target := range slices.Sorted(maps.Keys(r.bake.newImages)) {
			if r.bake.newImages[target] == name {
				problems.Add(fmt.Sprintf("Bake.ImageNames[%q]", target), pushes, separate)
			}
		}
	}
	targets := r.bake.targets()
	for i, target := range targets {
		repository := r.bake.images[target]
		at := fmt.Sprintf("Bake.Images[%q]", target)
		if repository == nil {
			problems.Add(at, "has no repository", "give the repository of the target's image")
			continue
		}
		if r.cache.repository != nil && ecrname.Same(repository, r.cache.repository.Repository()) {
			problems.Add(at, pushes, separate)
		}
		for _, other := range targets[:i] {
			if r.bake.images[other] != nil && ecrname.Same(repository, r.bake.images[other]) {
				problems.Add(at, "is the repository of "+other+" too, so both would push the same tags", "give each target a repository of its own")
			}
		}
	}
}

// bakeVariables returns the variables of `layercache image` for a bake file.
func bakeVariables(scope constructs.Construct, o bakeOptions) map[string]string {
	if !o.enabled {
		return nil
	}
	uris := map[string]*string{}
	for target, repository := range o.images {
		uris[target] = repository.RepositoryUri()
	}
	return map[string]string{"LAYERCACHE_BAKE": o.file, "LAYERCACHE_BAKE_IMAGES": jsonText(scope, uris)}
}
