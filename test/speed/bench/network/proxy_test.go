package network

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// synctest's clock advances only when all goroutines wait, so the times are exact.
func TestALineDelaysAndLimits(t *testing.T) {
	cases := []struct {
		name  string
		line  Conditions
		bytes int
		want  time.Duration
	}{
		{"a byte takes half a round trip", Conditions{RoundTrip: 2 * time.Millisecond, BytesPerSecond: 1e9}, 1, time.Millisecond + time.Nanosecond},
		{"a megabyte takes its transfer time and half a round trip", Conditions{RoundTrip: 2 * time.Millisecond, BytesPerSecond: 1 << 20},
			1 << 20, time.Second + time.Millisecond},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				var got bytes.Buffer
				(&line{conditions: c.line}).pass(&got, bytes.NewReader(make([]byte, c.bytes)))
				assert.Equal(t, c.want, time.Since(begin))
				assert.Equal(t, c.bytes, got.Len())
			})
		})
	}
}

func TestConnectionsShareTheBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		shared := &line{conditions: Conditions{BytesPerSecond: 1 << 20}}
		done := make(chan struct{})
		for range 2 {
			go func() {
				shared.pass(io.Discard, bytes.NewReader(make([]byte, 1<<20)))
				done <- struct{}{}
			}()
		}
		<-done
		<-done
		assert.Equal(t, 2*time.Second, time.Since(begin))
	})
}

func TestTheProxyForwardsInBothDirections(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		for {
			connection, err := echo.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(connection, connection)
			_ = connection.Close()
		}
	}()
	proxy, err := Listen(echo.Addr().String(), Conditions{BytesPerSecond: 1e9})
	require.NoError(t, err)
	connection, err := net.Dial("tcp", proxy.Addr())
	require.NoError(t, err)
	sent := bytes.Repeat([]byte("layer"), 100_000)
	go func() {
		_, _ = connection.Write(sent)
		closeWrite(connection)
	}()
	got, err := io.ReadAll(connection)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(sent, got))
	require.NoError(t, connection.Close())
	require.NoError(t, proxy.Close(), "the proxy closes after serving a connection")
	require.NoError(t, echo.Close())
}
