//go:build linux

package faults

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// names is a name server for the fronts: each resolves to loopback until it is forgotten.
type names struct {
	connection net.PacketConn
	mutex      sync.Mutex
	gone       map[string]bool
}

// startNames serves on port 53, the only one that resolv.conf supports, at an unused loopback address.
func startNames(t *testing.T) *names {
	t.Helper()
	var connection net.PacketConn
	var err error
	for range 10 {
		connection, err = net.ListenPacket("udp", fmt.Sprintf("127.%d.%d.%d:53", 1+rand.IntN(127), rand.IntN(256), 1+rand.IntN(254)))
		if err == nil {
			break
		}
	}
	require.NoError(t, err)
	n := &names{connection: connection, gone: map[string]bool{}}
	go n.serve()
	t.Cleanup(func() { _ = connection.Close() })
	return n
}

func (n *names) address() string {
	host, _, _ := net.SplitHostPort(n.connection.LocalAddr().String())
	return host
}

// forget makes a name unresolvable.
func (n *names) forget(name string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.gone[name] = true
}

func (n *names) serve() {
	query := make([]byte, 512)
	for {
		length, from, err := n.connection.ReadFrom(query)
		if err != nil {
			return
		}
		if answer := n.answer(query[:length]); answer != nil {
			_, _ = n.connection.WriteTo(answer, from)
		}
	}
}

// answer returns an answer as in RFC 1035: the query's first question, and an address if the name exists and
// an A record was requested.
func (n *names) answer(query []byte) []byte {
	const header = 12
	var labels []string
	at := header
	for at < len(query) && query[at] != 0 {
		end := at + 1 + int(query[at])
		if end >= len(query) {
			return nil
		}
		labels = append(labels, string(query[at+1:end]))
		at = end
	}
	if at+5 > len(query) {
		return nil
	}
	question := query[header : at+5]
	name := strings.ToLower(strings.Join(labels, "."))
	n.mutex.Lock()
	known := strings.HasSuffix(name, domain) && !n.gone[name]
	n.mutex.Unlock()
	flags, answers := uint16(0x8180), uint16(0)
	if !known {
		flags |= 3
	}
	var record []byte
	if wanted := binary.BigEndian.Uint16(query[at+1:]); known && wanted == 1 {
		answers = 1
		record = []byte{0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1}
	}
	answer := append([]byte{}, query[:2]...)
	for _, field := range []uint16{flags, 1, answers, 0, 0} {
		answer = binary.BigEndian.AppendUint16(answer, field)
	}
	return append(append(answer, question...), record...)
}
