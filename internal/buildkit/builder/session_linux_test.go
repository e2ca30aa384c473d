//go:build !unit

package builder

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client that receives a message while it closes its session waits a second: see package quiet. buildx opens and
// closes a session without a request before every build.
func TestASessionWithoutARequestReceivesNothing(t *testing.T) {
	client := realPrograms(t)
	b, err := Start(t.Context(), Options{Kind: "native", Buildx: client, Env: []string{"BUILDX_CONFIG=" + t.TempDir()}})
	require.NoError(t, err)
	defer func() {
		assert.NoError(t, b.Close())
		assert.NoError(t, b.Wait())
	}()

	// A session is a call in gRPC. Its messages are the bytes of an HTTP/2 connection whose server is the client.
	// This is the server's first frame, SETTINGS, in field 1 of a message of 11 bytes.
	const settings = "\x00\x00\x00\x00\x0b" + "\x0a\x09" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	sent, closeSession := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://buildkit/moby.buildkit.v1.Control/Session", sent)
	require.NoError(t, err)
	request.Header = http.Header{
		"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "X-Docker-Expose-Session-Uuid": {"session-of-the-test"},
	}
	go func() {
		_, _ = io.WriteString(closeSession, settings)
		_ = closeSession.Close()
	}()
	response, err := grpcTransport(b.process.socket).RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Empty(t, received)
	status := response.Trailer.Get("Grpc-Status") + response.Header.Get("Grpc-Status")
	assert.Equal(t, "0", status, "%v %v", response.Header, response.Trailer)
}

// grpcTransport returns a client of gRPC servers, which speak HTTP/2 without TLS.
func grpcTransport(socket string) *http.Transport {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols: &protocols,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}
}
