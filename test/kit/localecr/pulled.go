package localecr

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

// Pulled returns an image for linux/amd64 from a registry. The name has the registry's host.
func Pulled(t *testing.T, image string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(image)
	require.NoError(t, err)
	pulled, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	require.NoError(t, err)
	return pulled
}

// Tags returns the tags of a repository, or nil if it does not exist.
func (s *Server) Tags(t *testing.T, repository string) []string {
	t.Helper()
	parsed, err := name.NewRepository(s.Addr() + "/" + repository)
	require.NoError(t, err)
	tags, err := remote.List(parsed)
	if err != nil {
		return nil
	}
	return tags
}
