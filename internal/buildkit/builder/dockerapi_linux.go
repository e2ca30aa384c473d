package builder

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// dockerPort is the port on which dockerd listens without authentication in CodeBuild's curated images,
	// in addition to its Unix socket. Steps of the native and the container builder share the machine's
	// network, and whoever can connect to dockerd can become root on the machine.
	//
	// https://github.com/aws/aws-codebuild-docker-images (dockerd-entrypoint.sh)
	dockerPort = 2375
	// dialTimeout limits how long an address of this machine may take to accept a connection. Only a firewall
	// that drops packets takes longer.
	dialTimeout = time.Second
)

// errDockerAPI is the error of a machine where steps can connect to dockerd.
var errDockerAPI = errors.New("steps can connect to dockerd and become root on this machine: make dockerd listen only on its Unix socket")

// blockDockerAPI blocks dockerd's port for the processes of this machine. It does so only in CodeBuild, where
// the docker command uses the Unix socket. The port stays blocked after the builder has ended, because
// processes of a step may outlive it. The error has the addresses that still accept connections.
func blockDockerAPI(ctx context.Context) error {
	if len(dockerListeners()) == 0 {
		return nil
	}
	var problem error
	// Outside of CodeBuild others may use the port, and with this DOCKER_HOST the docker command does.
	if os.Getenv("CODEBUILD_BUILD_ID") != "" && !strings.HasPrefix(os.Getenv("DOCKER_HOST"), "tcp:") {
		problem = errors.Join(refuseConnections(ctx, "iptables"), refuseConnections(ctx, "ip6tables"))
	}
	open := openAddresses(ctx)
	if len(open) == 0 {
		return nil
	}
	err := fmt.Errorf("%w (%s)", errDockerAPI, strings.Join(open, ", "))
	if problem != nil {
		err = fmt.Errorf("%w (%w)", err, problem)
	}
	return err
}

// refuseConnections adds a firewall rule against connections from this machine to its own port, unless the
// rule exists. program is iptables or ip6tables. Packets to any address of the machine itself arrive on the
// loopback interface. The rule is on INPUT, because steps of the container builder have raw sockets, whose
// packets bypass OUTPUT.
func refuseConnections(ctx context.Context, program string) error {
	call := func(action string) error {
		_, err := run(exec.CommandContext(ctx, program, "--wait", "5", action, "INPUT", "--in-interface", "lo", "--protocol", "tcp",
			"--dport", strconv.Itoa(dockerPort), "--jump", "REJECT", "--reject-with", "tcp-reset"))
		return err
	}
	if call("--check") == nil {
		return nil
	}
	return call("--insert")
}

// dockerListeners returns the addresses where a process listens on the port, including the unspecified
// addresses. It reads the kernel's tables and does not connect, because another builder may have blocked the
// port already.
func dockerListeners() []netip.Addr {
	var found []netip.Addr
	for _, table := range []string{"tcp", "tcp6"} {
		sockets, _ := os.ReadFile("/proc/thread-self/net/" + table) // A kernel without IPv6 has no tcp6.
		lines := bufio.NewScanner(bytes.NewReader(sockets))
		for lines.Scan() {
			if address, ok := listener(lines.Text()); ok {
				found = append(found, address)
			}
		}
	}
	return found
}

// listener parses a line of /proc/net/tcp or tcp6: "  0: 0100007F:0947 00000000:0000 0A …" is a socket that
// listens on 127.0.0.1:2375. Addresses are sequences of 32-bit words in the byte order of the machine.
//
// https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
func listener(line string) (netip.Addr, bool) {
	const listening = "0A"
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[3] != listening {
		return netip.Addr{}, false
	}
	host, port, _ := strings.Cut(fields[1], ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil || number != dockerPort {
		return netip.Addr{}, false
	}
	content, err := hex.DecodeString(host)
	if err != nil || len(content)%4 != 0 {
		return netip.Addr{}, false
	}
	for word := range slices.Chunk(content, 4) {
		slices.Reverse(word) // Both architectures of the native builder are little-endian.
	}
	address, ok := netip.AddrFromSlice(content)
	return address.Unmap(), ok
}

// openAddresses returns the addresses of this machine, IPv4 and IPv6, where the port accepts a connection.
func openAddresses(ctx context.Context) []string {
	candidates := localAddresses()
	for _, address := range dockerListeners() {
		if !address.IsUnspecified() {
			candidates = append(candidates, address)
		}
	}
	slices.SortFunc(candidates, netip.Addr.Compare)
	candidates = slices.Compact(candidates)
	var open []string
	for _, address := range candidates {
		if accepts(ctx, address) {
			open = append(open, "tcp://"+netip.AddrPortFrom(address, dockerPort).String())
		}
	}
	return open
}

func accepts(ctx context.Context, address netip.Addr) bool {
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(address, dockerPort).String())
	if err == nil {
		_ = connection.Close()
	}
	return err == nil
}

// localAddresses returns the addresses of all interfaces, link-local ones with the name of their interface.
func localAddresses() []netip.Addr {
	var addresses []netip.Addr
	interfaces, _ := net.Interfaces()
	for _, each := range interfaces {
		networks, _ := each.Addrs()
		for _, network := range networks {
			prefix, err := netip.ParsePrefix(network.String())
			if err != nil {
				continue
			}
			address := prefix.Addr()
			if address.Is6() && address.IsLinkLocalUnicast() {
				address = address.WithZone(each.Name)
			}
			addresses = append(addresses, address)
		}
	}
	return addresses
}
