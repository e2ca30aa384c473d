package e2e

import (
	"archive/tar"
	"errors"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/require"
)

// fileOf returns the content of a file in an image.
func fileOf(t *testing.T, image v1.Image, path string) string {
	t.Helper()
	files := mutate.Extract(image)
	defer files.Close()
	reader := tar.NewReader(files)
	for {
		header, err := reader.Next()
		require.False(t, errors.Is(err, io.EOF), "the image has no %s", path)
		require.NoError(t, err)
		if header.Name == path {
			content, err := io.ReadAll(reader)
			require.NoError(t, err)
			return string(content)
		}
	}
}
