package lint

import (
	"fmt"
	"strings"
)

// checkBase reports base images whose content can change under the same name.
func checkBase(c *checker) {
	for _, s := range c.stages {
		image, known := c.expand(s.base)
		if s.parent != nil || !known || image == "" || image == "scratch" || strings.Contains(image, "@") || c.stageNamed(image) != nil {
			continue
		}
		_, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
		a := advice{
			change: "pin a version and its digest, NAME:VERSION@sha256:…; docker buildx imagetools inspect " + image + " prints the digest",
			effect: "the cache is lost only when you choose a new base image; Renovate or Dependabot can propose each new digest",
		}
		switch {
		case !tagged:
			a.message = fmt.Sprintf("%s has no tag, which means latest: when that tag is pushed again, every step of the stage runs again", image)
		case tag == "latest":
			a.message = fmt.Sprintf("the tag of %s moves: when it is pushed again, every step of the stage runs again", image)
		default:
			a.level = Info
			a.message = fmt.Sprintf("%s has no digest: when the tag is pushed again, every step of the stage runs again", image)
		}
		c.report(s.from, a)
	}
}
