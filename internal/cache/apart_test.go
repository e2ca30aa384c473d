package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	ecrCache = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop:cache"
	digest   = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

func TestAnImageWithTheCachesRefIsRefused(t *testing.T) {
	cases := []struct {
		name, cache string
		images      []string
		refused     bool
	}{
		{"no image", ecrCache, nil, false},
		{"another tag of the same repository", ecrCache, []string{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop:1.2"}, false},
		{"the same tag of another repository", ecrCache, []string{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop2:cache"}, false},
		{"the same name on another account's registry", ecrCache, []string{"444455556666.dkr.ecr.eu-west-1.amazonaws.com/team/shop:cache"}, false},
		{"the same name in another region", ecrCache, []string{"111122223333.dkr.ecr.eu-west-2.amazonaws.com/team/shop:cache"}, false},
		{"the same ref", ecrCache, []string{ecrCache}, true},
		{"the same ref among others", ecrCache, []string{"localhost:5000/a:1", ecrCache}, true},
		{"the ref of the cache's record", ecrCache, []string{ecrCache + "--steps"}, true},
		{"the ref of a mount of the cache", ecrCache, []string{MountRef(ecrCache, "0123456789")}, true},
		{"a longer tag than the cache's", ecrCache, []string{ecrCache + "--1.2"}, false},
		{"a longer tag than the record's", ecrCache, []string{ecrCache + "--steps-1.2"}, false},
		{"no tag means latest", "localhost:5000/shop:latest", []string{"localhost:5000/shop"}, true},
		{"no tag does not mean another tag", "localhost:5000/shop:cache", []string{"localhost:5000/shop"}, false},
		{"a short name is Docker Hub's library", "docker.io/library/shop:latest", []string{"shop"}, true},
		{"docker.io and index.docker.io are the same registry", "docker.io/team/shop:cache", []string{"index.docker.io/team/shop:cache"}, true},
		{"a name without a host is on Docker Hub", "docker.io/team/shop:cache", []string{"team/shop:cache"}, true},
		{"an image by digest has no tag", ecrCache, []string{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop@" + digest}, false},
		{"an invalid name is left to buildx", ecrCache, []string{"NOT A NAME"}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { checkApart(t, c.cache, c.images, c.refused) })
	}
}

// One ref can be spelled in several ways.
func TestAnImageWithAnotherSpellingOfTheCachesRefIsRefused(t *testing.T) {
	cases := []struct{ name, cache, image string }{
		{"a host name in capitals", "registry.example.com/shop:cache", "Registry.Example.com/shop:cache"},
		{"a mount's tag, with a host name in capitals", "registry.example.com/shop:cache", "Registry.Example.com/shop:cache--mount--0123456789"},
		{"the default port", "registry.example.com/shop:cache", "registry.example.com:443/shop:cache"},
		{"ECR's FIPS endpoint", ecrCache, "111122223333.dkr.ecr-fips.eu-west-1.amazonaws.com/team/shop:cache"},
		{"ECR's dual-stack endpoint", ecrCache, "111122223333.dkr-ecr.eu-west-1.on.aws/team/shop:cache"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { checkApart(t, c.cache, []string{c.image}, true) })
	}
}

func checkApart(t *testing.T, cache string, images []string, refused bool) {
	t.Helper()
	imported := Refs{Imports: []string{"localhost:5000/other:cache", cache}, Export: "localhost:5000/other:cache"}
	for _, refs := range []Refs{{Export: cache, Imports: []string{cache}}, imported} {
		err := refs.CheckApart(images)
		if !refused {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err)
		assert.Contains(t, err.Error(), images[len(images)-1], "the error names the image")
		assert.Contains(t, err.Error(), "LAYERCACHE_REPOSITORY", "the error says what to do")
	}
}

func TestAnInvalidCacheRefIsNamedInTheError(t *testing.T) {
	err := Refs{Export: "localhost:5000/UPPER:cache"}.CheckApart([]string{"x"})
	require.ErrorContains(t, err, `cache ref "localhost:5000/UPPER:cache"`)
}
