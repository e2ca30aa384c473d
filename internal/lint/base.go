package lint

import (
	"fmt"
	"strings"
)

// checkBase looks for base images whose content can change under the same name.
func checkBase(c *checker) {
	for _, s := range c.stages {
		image, known := c.expand(s.base)
		if s.parent != nil || !known || image == "" || image == "scratch" || strings.Contains(image, "@") || c.stageNamed(image) != nil {
			continue
		}
		_, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
		a := advice{
			change: "name a version and its digest, NAME:VERSION@sha256:…; docker buildx imagetools inspect " + image + " prints it",
			effect: "the cache is lost when you choose a new base, not when somebody pushes one; Renovate or Dependabot can propose each new digest",
		}
		switch {
		case !tagged:
			a.message = fmt.Sprintf("%s has no tag, so it is the tag latest: when that moves, every step of the stage runs again", image)
		case tag == "latest":
			a.message = fmt.Sprintf("%s moves: when it does, every step of the stage runs again", image)
		default:
			a.level = Info
			a.message = fmt.Sprintf("%s has no digest: when the tag is pushed again, every step of the stage runs again", image)
		}
		c.report(s.from, a)
	}
}
