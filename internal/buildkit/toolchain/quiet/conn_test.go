package quiet

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Frames that BuildKit sends on a session.
const (
	settings    = "\x00\x00\x06\x04\x00\x00\x00\x00\x00" + "\x00\x03\x00\x00\x00\x01"
	settingsAck = "\x00\x00\x00\x04\x01\x00\x00\x00\x00"
	request     = "\x00\x00\x03\x01\x05\x00\x00\x00\x01" + "\x83\x86\x84"
	goAway      = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00"
	// startOfRequest is the payload of a frame that looks like the header of a request.
	startOfRequest = "\x00\x00\x09\x08\x00\x00\x00\x00\x01" + "\x00\x00\x00\x01\x00\x00\x00\x00\x01"
)

// session returns both ends of a connection: BuildKit's, and the client's.
func session(t *testing.T) (buildkit net.Conn, client *net.UnixConn) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer listener.Close()
	dialed, err := net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = dialed.Close() })
	accepted, err := listener.Accept()
	require.NoError(t, err)
	buildkit = New(accepted)
	t.Cleanup(func() { _ = buildkit.Close() })
	return buildkit, dialed.(*net.UnixConn)
}

func TestAClientThatClosesItsSessionReceivesOnlyWhatItNeeds(t *testing.T) {
	cases := []struct {
		name string
		// before and after are what BuildKit writes before and after the client closes the session.
		before, after []string
		received      string
	}{
		{"no request", []string{preface, settings, settingsAck}, []string{goAway}, ""},
		{"no request, and the client closes at once", nil, []string{preface + settings, settingsAck, goAway}, ""},
		{"a request", []string{preface, settings, settingsAck, request}, []string{goAway}, preface + settings + settingsAck + request},
		{"more after the request", []string{preface, settings, request, settingsAck}, nil, preface + settings + request + settingsAck},
		{"everything in one write", []string{preface + settings + request}, []string{goAway}, preface + settings + request},
		{"byte by byte", strings.Split(preface+settings+request, ""), []string{goAway}, preface + settings + request},
		{"what looks like a request", []string{preface, settings, startOfRequest}, []string{request}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			buildkit, client := session(t)
			write := func(all []string) {
				for _, each := range all {
					n, err := buildkit.Write([]byte(each))
					require.NoError(t, err)
					assert.Equal(t, len(each), n)
				}
			}
			_, err := client.Write([]byte("the client's"))
			require.NoError(t, err)
			write(c.before)
			require.NoError(t, client.CloseWrite())
			sent, err := io.ReadAll(buildkit)
			require.NoError(t, err)
			assert.Equal(t, "the client's", string(sent))
			write(c.after)
			require.NoError(t, buildkit.Close())
			received, err := io.ReadAll(client)
			require.NoError(t, err)
			assert.Equal(t, c.received, string(received))
		})
	}
}

func TestASessionThatStaysOpenStartsWithoutARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, client := net.Pipe()
		buildkit := New(ours)
		begin := time.Now()
		_, err := buildkit.Write([]byte(preface + settings))
		require.NoError(t, err)
		received := make([]byte, len(preface+settings))
		_, err = io.ReadFull(client, received)
		require.NoError(t, err)
		assert.Equal(t, preface+settings, string(received))
		assert.Equal(t, holdTime, time.Since(begin))

		go func() { _, _ = buildkit.Write([]byte(settingsAck)) }()
		_, err = io.ReadFull(client, received[:len(settingsAck)])
		require.NoError(t, err)
		assert.Equal(t, holdTime, time.Since(begin), "nothing is held back any more")
		require.NoError(t, buildkit.Close())
	})
}

func TestAClosedSessionSendsNothingLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, client := net.Pipe()
		buildkit := New(ours)
		_, err := buildkit.Write([]byte(preface))
		require.NoError(t, err)
		require.NoError(t, client.Close())
		_, err = io.ReadAll(buildkit)
		require.NoError(t, err)
		time.Sleep(2 * holdTime)
		n, err := buildkit.Write([]byte(request))
		require.NoError(t, err, "it is dropped")
		assert.Equal(t, len(request), n)
		require.NoError(t, buildkit.Close())
	})
}

func TestAnErrorOfTheConnectionIsReturned(t *testing.T) {
	buildkit, client := session(t)
	require.NoError(t, client.Close())
	_, err := buildkit.Write([]byte(preface + settings + request))
	require.Error(t, err)
	_, err = buildkit.Write([]byte(settingsAck))
	require.Error(t, err)
}
