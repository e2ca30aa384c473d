// Package network adds delay and limits bandwidth between builders and a registry on the same machine. It is
// a TCP proxy, so it needs neither root nor Linux.
package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Conditions are the properties of a network.
type Conditions struct {
	// RoundTrip is the round-trip time.
	RoundTrip time.Duration
	// BytesPerSecond is the bandwidth that all connections share, in each direction.
	BytesPerSecond float64
}

const (
	// piece is the number of bytes forwarded at a time; queued is the number of pieces that a connection has
	// in transit.
	piece  = 32 << 10
	queued = 12
)

// Proxy forwards connections to one address.
type Proxy struct {
	listener   net.Listener
	conditions Conditions
	target     string
	up, down   *line
	cancel     context.CancelFunc
	running    sync.WaitGroup
}

// Listen starts a proxy on a free port of loopback.
func Listen(target string, conditions Conditions) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{
		listener: listener, conditions: conditions, target: target, cancel: cancel,
		up: &line{conditions: conditions}, down: &line{conditions: conditions},
	}
	p.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(ctx, client) })
		}
	})
	return p, nil
}

// Addr is the proxy's HOST:PORT.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close closes the proxy and its connections.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.running.Wait()
	return err
}

// serve forwards one connection in both directions. The first byte waits for one round trip, the duration of
// a handshake.
func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = errors.Join(client.Close(), server.Close()) })
	defer stop()
	time.Sleep(p.conditions.RoundTrip)
	var both sync.WaitGroup
	both.Go(func() { p.up.pass(server, client); closeWrite(server) })
	both.Go(func() { p.down.pass(client, server); closeWrite(client) })
	both.Wait()
	_ = errors.Join(client.Close(), server.Close())
}

func closeWrite(connection net.Conn) {
	if half, ok := connection.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

// line is one direction of the network.
type line struct {
	conditions Conditions
	mu         sync.Mutex
	// free is when the line has sent everything it was given.
	free time.Time
}

// arrival returns when n bytes that are sent now will have arrived.
func (l *line) arrival(n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.conditions.BytesPerSecond * float64(time.Second)))
	return l.free.Add(l.conditions.RoundTrip / 2)
}

type sent struct {
	content []byte
	arrives time.Time
}

// pass copies until either end is closed, and delivers each piece when it arrives.
func (l *line) pass(to io.Writer, from io.Reader) {
	way := make(chan sent, queued)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for next := range way {
			time.Sleep(time.Until(next.arrives))
			if _, err := to.Write(next.content); err != nil {
				break
			}
		}
		for range way {
			// Pieces in transit are lost with the connection.
		}
	}()
	for {
		content := make([]byte, piece)
		n, err := from.Read(content)
		if n > 0 {
			way <- sent{content: content[:n], arrives: l.arrival(n)}
		}
		if err != nil {
			break
		}
	}
	close(way)
	<-done
}
