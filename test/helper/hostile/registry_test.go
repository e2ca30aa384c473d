//go:build linux

package hostile

import (
	"archive/tar"
	"io"
	"net/http"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
)

// manifests returns the references (tags and digests) of the manifests that were pushed to a repository.
func (p *project) manifests(host, repository string) []string {
	var references []string
	for _, request := range p.aws.Requests() {
		reference, found := strings.CutPrefix(request.Path, "/v2/"+repository+"/manifests/")
		written := request.Host == host && request.Method == http.MethodPut && request.Status == http.StatusCreated
		if found && written && !slices.Contains(references, reference) {
			references = append(references, reference)
		}
	}
	return references
}

func (p *project) reference(host, repository, reference string) name.Reference {
	p.t.Helper()
	separator := ":"
	if strings.Contains(reference, ":") {
		separator = "@"
	}
	parsed, err := name.ParseReference(host + "/" + repository + separator + reference)
	require.NoError(p.t, err)
	return parsed
}

// options returns the options with which this process can use the registries.
func (p *project) options() []remote.Option {
	auth := &authn.Basic{Username: "AWS", Password: p.aws.Token(ecrhost.Own, time.Hour)}
	return []remote.Option{remote.WithTransport(p.aws.Transport()), remote.WithAuth(auth)}
}

func (p *project) pulled(host, repository, reference string) v1.Image {
	p.t.Helper()
	options := append(p.options(), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	image, err := remote.Image(p.reference(host, repository, reference), options...)
	require.NoError(p.t, err)
	return image
}

// fileIn returns the content of a file in a tar archive, and whether it was found.
func fileIn(archive io.Reader, name string) (content string, found bool) {
	reader := tar.NewReader(archive)
	for {
		header, err := reader.Next()
		if err != nil {
			return "", false
		}
		if path.Clean("/"+header.Name) == "/"+name {
			all, err := io.ReadAll(reader)
			return string(all), err == nil
		}
	}
}
