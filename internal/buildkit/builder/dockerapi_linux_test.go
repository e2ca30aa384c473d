//go:build !unit

package builder

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// ownNetwork moves this test's thread, and the processes it starts, into a new network namespace with
// loopback and another interface.
func ownNetwork(t *testing.T) {
	t.Helper()
	needRoot(t)
	runtime.LockOSThread() // Never unlocked: the thread ends with the test.
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	for _, arguments := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", "layer0", "type", "veth", "peer", "name", "layer1"},
		{"link", "set", "layer0", "addrgenmode", "none", "up"},
		{"link", "set", "layer1", "up"},
		{"address", "add", "192.0.2.7/24", "dev", "layer0"},
		{"address", "add", "2001:db8::7/64", "dev", "layer0", "nodad"},
		{"address", "add", "fe80::7/64", "dev", "layer0", "nodad"},
		{"neighbour", "add", otherMachine, "lladdr", "02:00:00:00:00:63", "dev", "layer0"},
	} {
		out, err := exec.Command("ip", arguments...).CombinedOutput()
		require.NoError(t, err, "ip %v: %s", arguments, out)
	}
	// The first packet to an interface that has just come up may be lost.
	listener, err := net.Listen("tcp", ":2375")
	require.NoError(t, err)
	defer listener.Close()
	for end := time.Now().Add(eventually); !slices.Equal(everyAddress, reached(t)); {
		require.True(t, time.Now().Before(end), "the network of the test is not up")
	}
}

// otherMachine is the address of another machine.
const otherMachine = "192.0.2.99"

// everyAddress has one address of each kind by which a process can reach its own machine.
var everyAddress = []string{"127.0.0.1", "127.0.0.5", "192.0.2.7", "::1", "2001:db8::7", "fe80::7%layer0"}

// reached returns the members of everyAddress where the port accepts a connection.
func reached(t *testing.T) []string {
	var open []string
	for _, address := range everyAddress {
		if accepts(t.Context(), netip.MustParseAddr(address)) {
			open = append(open, address)
		}
	}
	return open
}

// dockerd listens on dockerd's port at an address of this machine.
func dockerd(t *testing.T, network, address string) {
	t.Helper()
	listener, err := net.Listen(network, net.JoinHostPort(address, "2375"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
}

// listenAddresses are the addresses on which dockerd may listen, with the addresses at which it can then be
// reached.
var listenAddresses = []struct {
	name, network, at string
	reached           []string
}{
	{"on one loopback address, as in CodeBuild's images", "tcp4", "127.0.0.1", []string{"127.0.0.1"}},
	{"on another loopback address", "tcp4", "127.0.0.5", []string{"127.0.0.5"}},
	{"on every IPv4 address", "tcp4", "0.0.0.0", []string{"127.0.0.1", "127.0.0.5", "192.0.2.7"}},
	{"on every address of both families", "tcp", "::", everyAddress},
	{"on every IPv6 address", "tcp6", "::", []string{"::1", "2001:db8::7", "fe80::7%layer0"}},
	{"on the IPv6 loopback address", "tcp6", "::1", []string{"::1"}},
	{"on the address of an interface", "tcp4", "192.0.2.7", []string{"192.0.2.7"}},
	{"on a link-local address", "tcp6", "fe80::7%layer0", []string{"fe80::7%layer0"}},
}

func TestDockerdIsBlockedOnEveryAddress(t *testing.T) {
	for _, c := range listenAddresses {
		t.Run(c.name, func(t *testing.T) {
			ownNetwork(t)
			t.Setenv("CODEBUILD_BUILD_ID", "shop:1")
			t.Setenv("DOCKER_HOST", "")
			dockerd(t, c.network, c.at)
			require.Equal(t, c.reached, reached(t))
			require.NoError(t, blockDockerAPI(t.Context()))
			assert.Empty(t, reached(t))
			require.NoError(t, blockDockerAPI(t.Context()), "a second builder")
			for _, program := range []string{"iptables", "ip6tables"} {
				rules, err := exec.Command(program, "--list-rules").Output()
				require.NoError(t, err)
				assert.Equal(t, "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -i lo -p tcp -m tcp --dport 2375 -j REJECT --reject-with tcp-reset\n", string(rules))
			}
		})
	}
}

func TestThePortIsNotBlockedIfDockerdDoesNotListen(t *testing.T) {
	ownNetwork(t)
	t.Setenv("CODEBUILD_BUILD_ID", "shop:1")
	t.Setenv("DOCKER_HOST", "")
	require.NoError(t, blockDockerAPI(t.Context()))
	rules, err := exec.Command("iptables", "--list-rules", "INPUT").Output()
	require.NoError(t, err)
	assert.Equal(t, "-P INPUT ACCEPT\n", string(rules))
}

func TestTheErrorHasTheAddressesThatStayOpen(t *testing.T) {
	failing := func(t *testing.T, program string) {
		t.Helper()
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\necho no such module >&2\nexit 3\n"), 0o755))
		t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	}
	cases := []struct {
		name, build, dockerHost string
		prepare                 func(*testing.T)
		open                    []string
		message                 string
	}{
		{"outside of CodeBuild", "", "", nil, everyAddress, ""},
		{"the docker command uses the port", "shop:1", "tcp://127.0.0.1:2375", nil, everyAddress, ""},
		{"there is no firewall", "shop:1", "", func(t *testing.T) { t.Setenv("PATH", t.TempDir()) }, everyAddress, `"iptables": executable file not found`},
		{"the firewall of IPv6 does not work", "shop:1", "", func(t *testing.T) { failing(t, "ip6tables") },
			[]string{"::1", "2001:db8::7", "fe80::7%layer0"}, "ip6tables --wait: no such module"},
		{"the firewall of IPv4 does not work", "shop:1", "", func(t *testing.T) { failing(t, "iptables") },
			[]string{"127.0.0.1", "127.0.0.5", "192.0.2.7"}, "iptables --wait: no such module"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ownNetwork(t)
			t.Setenv("CODEBUILD_BUILD_ID", c.build)
			t.Setenv("DOCKER_HOST", c.dockerHost)
			if c.prepare != nil {
				c.prepare(t)
			}
			dockerd(t, "tcp", "::")
			err := blockDockerAPI(t.Context())
			require.ErrorIs(t, err, errDockerAPI)
			require.ErrorContains(t, err, c.message)
			assert.Equal(t, c.open, reached(t))
			for _, address := range everyAddress {
				named := "tcp://" + net.JoinHostPort(address, "2375")
				switch {
				case address == "127.0.0.5": // no interface has this address
				case slices.Contains(c.open, address):
					assert.ErrorContains(t, err, named)
				default:
					assert.NotContains(t, err.Error(), named)
				}
			}
		})
	}
}

func TestBuildersWithStepsOnTheMachinesNetworkBlockThePort(t *testing.T) {
	for _, kind := range []string{"native", "container"} {
		t.Run(kind, func(t *testing.T) {
			f, options := newNative(t, isReady+serves)
			f.program("docker", "echo overlay2")
			t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
			options.Kind = kind
			ownNetwork(t)
			dockerd(t, "tcp", "::")
			b, err := Start(t.Context(), options)
			require.NoError(t, err)
			assert.Equal(t, everyAddress, reached(t), "outside of CodeBuild nothing is blocked")
			assert.Contains(t, b.Reason, "steps can connect to dockerd")
			require.NoError(t, b.Close())

			t.Setenv("CODEBUILD_BUILD_ID", "shop:1")
			b, err = Start(t.Context(), options)
			require.NoError(t, err)
			assert.Empty(t, reached(t))
			assert.NotContains(t, b.Reason, "dockerd")
			require.NoError(t, b.Close())
			assert.Empty(t, reached(t), "the port stays blocked, because a step may outlive its builder")
		})
	}
}

// Steps of the container builder have raw sockets, whose packets bypass the OUTPUT chain.
func TestDockerdIsBlockedForRawSockets(t *testing.T) {
	ownNetwork(t)
	t.Setenv("CODEBUILD_BUILD_ID", "shop:1")
	t.Setenv("DOCKER_HOST", "")
	dockerd(t, "tcp4", "0.0.0.0")
	const accepted, refused = 0x12, 0x14 // SYN and ACK; RST and ACK
	require.Equal(t, byte(accepted), answerToRawSYN(t))
	require.NoError(t, blockDockerAPI(t.Context()))
	assert.Equal(t, byte(refused), answerToRawSYN(t))
}

// answerToRawSYN sends a SYN packet on the loopback interface with the source address of another machine,
// because the kernel drops packets with its own source address. It returns the TCP flags of the answer.
func answerToRawSYN(t *testing.T) byte {
	t.Helper()
	const allProtocols = 0x0300 // ETH_P_ALL in network byte order
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, allProtocols)
	require.NoError(t, err)
	defer unix.Close(socket)
	loopback, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	address := &unix.SockaddrLinklayer{Protocol: allProtocols, Ifindex: loopback.Index}
	require.NoError(t, unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(eventually / time.Second)}))

	tcp := []byte{0x9c, 0x40, 0x09, 0x47, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0} // from port 40000 to 2375, SYN
	ip := []byte{0x45, 0, 0, 40, 0, 1, 0, 0, 64, unix.IPPROTO_TCP, 0, 0, 192, 0, 2, 99, 192, 0, 2, 7}
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	binary.BigEndian.PutUint16(tcp[16:], checksum(append(append(append([]byte{}, ip[12:]...), 0, unix.IPPROTO_TCP, 0, 20), tcp...)))
	packet := append(append(append(make([]byte, 12), 0x08, 0x00), ip...), tcp...)
	require.NoError(t, unix.Sendto(socket, packet, 0, address))
	for {
		answer := make([]byte, 1500)
		n, _, err := unix.Recvfrom(socket, answer, 0)
		require.NoError(t, err)
		if n >= 54 && answer[34] == 0x09 && answer[35] == 0x47 {
			return answer[47]
		}
	}
}

// checksum returns the Internet checksum.
func checksum(content []byte) uint16 {
	var sum uint32
	for i := 0; i < len(content); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(content[i:]))
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum + sum>>16)
}
