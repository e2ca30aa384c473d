package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// cachedHosts are the registries that ECR can cache from, apart from those of Azure and ECR itself.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
var cachedHosts = []string{"index.docker.io", "public.ecr.aws", "registry.k8s.io", "quay.io", "ghcr.io", "registry.gitlab.com", "cgr.dev"}

// checkPrewarm reports images that are pinned by digest and that an ECR pull-through cache may hold.
//
// https://github.com/aws/containers-roadmap/issues/2837
func checkPrewarm(c *checker) {
	reported := map[string]bool{}
	report := func(at *instruction, word string) {
		image, known := c.expand(word)
		digested, err := name.NewDigest(image)
		if !known || err != nil || reported[image] || !isCached(digested.RegistryStr()) {
			return
		}
		reported[image] = true
		tagged, digest, _ := strings.Cut(image, "@")
		change := fmt.Sprintf("layercache prewarm with HOST/PREFIX/ in place of the registry, %s@%s: it pulls the tag and compares the digest", tagged, digest)
		if !strings.Contains(tagged[strings.LastIndex(tagged, "/")+1:], ":") {
			change = fmt.Sprintf("write the tag too, %s:TAG@%s, and give that to layercache prewarm, with HOST/PREFIX/ in place of the registry", tagged, digest)
		}
		c.report(at, advice{
			message: fmt.Sprintf("%s is pinned by digest, and an ECR pull-through cache imports images by tag only: until the tag was pulled through the cache, "+
				"every build gets the image from the upstream", image),
			change: change,
			effect: "builds pull the image from ECR, without the upstream's rate limit; without a pull-through cache there is nothing to do",
		})
	}
	for _, s := range c.stages {
		if s.parent == nil {
			report(s.from, s.base)
		}
		for _, in := range s.own {
			if copied, ok := in.command.(*instructions.CopyCommand); ok && copied.From != "" {
				report(in, copied.From)
			}
		}
	}
}

// isCached reports whether an ECR pull-through cache can have the registry as its upstream.
func isCached(host string) bool {
	return slices.Contains(cachedHosts, host) || strings.HasSuffix(host, ".azurecr.io")
}
