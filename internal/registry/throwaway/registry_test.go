package throwaway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func start(t *testing.T) *Server {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	server, err := Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func TestAPushedImageCanBePulled(t *testing.T) {
	server := start(t)
	ref, err := name.NewTag(server.Host() + "/layercache/cache:app--linux-amd64--main")
	require.NoError(t, err)
	_, err = remote.Get(ref)
	require.Error(t, err, "a new registry is empty")

	pushed, err := random.Image(1<<20, 3)
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, pushed))
	pulled, err := remote.Image(ref)
	require.NoError(t, err)
	want, err := pushed.Digest()
	require.NoError(t, err)
	got, err := pulled.Digest()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	layers, err := pulled.Layers()
	require.NoError(t, err)
	assert.Len(t, layers, 3)
}

func TestCloseRemovesAllFiles(t *testing.T) {
	server := start(t)
	entries, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Len(t, entries, 1, "its blobs are on disk")

	require.NoError(t, server.Close())
	entries, err = os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, entries)
	_, err = http.Get("http://" + server.Host() + "/v2/")
	assert.Error(t, err)
}

func TestTheRegistryListensOnlyOnLoopback(t *testing.T) {
	server := start(t)
	host, port, err := net.SplitHostPort(server.Host())
	require.NoError(t, err)
	assert.Equal(t, "localhost", host, "clients use plain HTTP for this name")
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, address := range addresses {
		ip, _, err := net.ParseCIDR(address.String())
		require.NoError(t, err)
		if ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		_, err = net.Dial("tcp", net.JoinHostPort(ip.String(), port))
		assert.Error(t, err, "%s must not answer", ip)
	}
}

func TestTwoRegistriesShareNothing(t *testing.T) {
	first, second := start(t), start(t)
	assert.NotEqual(t, first.Host(), second.Host())
	assert.NotEqual(t, first.dir, second.dir)
}

func TestADownloadCanBeResumed(t *testing.T) {
	server := start(t)
	ref, err := name.NewTag(server.Host() + "/shop:1")
	require.NoError(t, err)
	pushed, err := random.Image(1000, 1)
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, pushed))
	layers, err := pushed.Layers()
	require.NoError(t, err)
	digest, err := layers[0].Digest()
	require.NoError(t, err)
	whole := fetch(t, server, digest.String(), "")
	assert.Equal(t, whole[len(whole)-100:], fetch(t, server, digest.String(), fmt.Sprintf("bytes=%d-", len(whole)-100)))
	assert.Equal(t, whole[10:20], fetch(t, server, digest.String(), "bytes=10-19"))
}

// fetch downloads a range of a blob.
func fetch(t *testing.T, server *Server, digest, span string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Host()+"/v2/shop/blobs/"+digest, nil)
	require.NoError(t, err)
	want := http.StatusOK
	if span != "" {
		request.Header.Set("Range", span)
		want = http.StatusPartialContent
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, want, answer.StatusCode)
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return content
}
