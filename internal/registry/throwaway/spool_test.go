package throwaway

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// upload sends a blob as BuildKit does, a POST and one PUT, and returns the status of the PUT.
func upload(t *testing.T, server *Server, digest string, size int64, body io.Reader) (int, error) {
	t.Helper()
	base := "http://" + server.Host()
	begun, err := http.Post(base+"/v2/shop/blobs/uploads/", "", nil)
	require.NoError(t, err)
	require.NoError(t, begun.Body.Close())
	request, err := http.NewRequest(http.MethodPut, base+begun.Header.Get("Location")+"?digest="+digest, body)
	require.NoError(t, err)
	request.ContentLength = size
	client := http.Client{Timeout: 20 * time.Second}
	ended, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return ended.StatusCode, ended.Body.Close()
}

func TestAnUploadWithoutItsContentDoesNotBlockOthers(t *testing.T) {
	server, err := Start()
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()

	slow, quick := bytes.Repeat([]byte("s"), 1<<20), []byte("quick")
	digest := func(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
	reader, writer := io.Pipe()
	waiting := make(chan int)
	go func() {
		status, _ := upload(t, server, digest(slow), int64(len(slow)), reader)
		waiting <- status
	}()
	_, err = writer.Write(slow[:512<<10])
	require.NoError(t, err)

	status, err := upload(t, server, digest(quick), int64(len(quick)), bytes.NewReader(quick))
	require.NoError(t, err)
	assert.Equal(t, http.StatusCreated, status)

	_, err = writer.Write(slow[512<<10:])
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	assert.Equal(t, http.StatusCreated, <-waiting)
}

func TestContentWithAnotherDigestIsRefused(t *testing.T) {
	server, err := Start()
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	content := []byte("whole")
	status, err := upload(t, server, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("something else"))), int64(len(content)), bytes.NewReader(content))
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, status, "the content does not match the digest")
}
