package builder

import (
	"bytes"
	"fmt"
	"net"
)

// notification is a socket for systemd's service notifications. buildkitd sends one when it is ready if
// NOTIFY_SOCKET is set, so no polling is needed.
//
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
type notification struct {
	path   string
	signal <-chan struct{}
	conn   *net.UnixConn
}

func listenNotify(path string) (*notification, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("listen for buildkitd's readiness: %w", err)
	}
	signal := make(chan struct{})
	go func() {
		message := make([]byte, 4096)
		for {
			n, err := conn.Read(message)
			if err != nil {
				return
			}
			if bytes.Contains(message[:n], []byte("READY=1")) {
				close(signal)
				return
			}
		}
	}()
	return &notification{path: path, signal: signal, conn: conn}, nil
}

func (n *notification) Close() error { return n.conn.Close() }
