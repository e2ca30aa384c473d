package image

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/variables"
)

// bakeDefault is the value of LAYERCACHE_BAKE for the files that buildx finds by itself.
const bakeDefault = "true"

// targetName matches the names that buildx allows for a target.
var targetName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkBake checks the bake file and the images of its targets.
func (c *checker) checkBake(i Image) {
	if i.BakeFile != bakeDefault {
		c.inside("LAYERCACHE_BAKE", filepath.Dir(i.BakeFile))
	}
	if i.PlatformTags {
		c.problem("LAYERCACHE_PLATFORM_TAGS", "is true and LAYERCACHE_BAKE is set: the targets of a bake file have no tags for each platform")
	}
	for _, target := range slices.Sorted(maps.Keys(i.BakeImages)) {
		if !targetName.MatchString(target) {
			c.problem("LAYERCACHE_BAKE_IMAGES", "has the target %q: expected letters, digits, _ and -", target)
		}
		if parsed, err := name.NewRepository(i.BakeImages[target]); err != nil || parsed.RegistryStr() == name.DefaultRegistry {
			c.problem("LAYERCACHE_BAKE_IMAGES", "has the image %q for the target %s: expected HOST/NAME, without a tag", i.BakeImages[target], target)
		}
	}
}

// BakeArgs returns the arguments of docker buildx bake. Each value is joined to its flag with "=", so that no value is
// read as a flag. The targets with an image get its tags, and are the ones that are built; without any, the file decides.
func (i Image) BakeArgs() []string {
	var args []string
	flag := func(name, value string) {
		if value != "" {
			args = append(args, "--"+name+"="+value)
		}
	}
	if i.BakeFile != bakeDefault {
		flag("file", i.BakeFile)
	}
	targets := slices.Sorted(maps.Keys(i.BakeImages))
	if i.Push && len(targets) == 0 {
		args = append(args, "--push")
	} else {
		// The file is part of the source. It must not push elsewhere: to the tag of a release or a deployment. A group
		// of the file can have the name of a target, and adds others.
		flag("set", "*.output=type=cacheonly")
		flag("set", "*.cache-to=")
	}
	for _, target := range targets {
		if i.Push {
			flag("set", target+".output=type=image,push=true")
		}
		for _, tag := range i.Tags {
			flag("set", target+".tags="+i.BakeImages[target]+":"+tag)
		}
	}
	for _, platform := range i.Platforms {
		flag("set", "*.platform="+platform)
	}
	for _, key := range slices.Sorted(maps.Keys(i.BuildArgs)) {
		flag("set", "*.args."+key+"="+i.BuildArgs[key])
	}
	for _, id := range slices.Sorted(maps.Keys(i.Secrets)) {
		flag("set", "*.secrets+=type=env,id="+id+",env="+i.Secrets[id])
	}
	flag("provenance", i.Provenance)
	flag("sbom", i.SBOM)
	args = append(args, i.Args...)
	return append(append(args, "--"), targets...)
}

// readBake sets what LAYERCACHE_BAKE and LAYERCACHE_BAKE_IMAGES describe.
func (i *Image) readBake(v variables.Values) {
	i.BakeFile, i.BakeImages = strings.TrimSpace(v.Text("LAYERCACHE_BAKE")), v.Object("LAYERCACHE_BAKE_IMAGES")
}
