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
	// dockerPort is where the curated images of CodeBuild have dockerd listen, beside its socket, to whoever asks. The steps of
	// the native and of the container builder are on the machine's network; who may talk to dockerd is root on the machine.
	//
	// https://github.com/aws/aws-codebuild-docker-images (dockerd-entrypoint.sh)
	dockerPort = 2375
	// dialTimeout is how long an address of this machine may take to accept a connection, which it does at once. Only a firewall
	// that drops packets takes longer.
	dialTimeout = 200 * time.Millisecond
)

// errDockerAPI is the error of a machine where steps can talk to dockerd.
var errDockerAPI = errors.New("steps can talk to dockerd, and so become root on this machine: have it listen on its socket alone")

// shutDockerAPI shuts dockerd's port to the processes of this machine, in a CodeBuild build, where the docker command talks to the
// socket. The port stays shut when the builder has ended, since what a step left behind may outlive it. The error names the
// addresses that still answer.
func shutDockerAPI(ctx context.Context) error {
	if len(dockerListeners()) == 0 {
		return nil
	}
	var problem error
	// Elsewhere, or where the docker command itself is sent there, the port is not ours to shut.
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

// refuseConnections has the firewall of one family of addresses refuse what this machine sends to its own port, unless it does so
// already. Whatever the address, such packets come in at the loopback interface. They are refused where they come in, because
// steps of the container builder have raw sockets, and what these send is not seen going out.
func refuseConnections(ctx context.Context, program string) error {
	call := func(what string) error {
		_, err := run(exec.CommandContext(ctx, program, "--wait", "5", what, "INPUT", "--in-interface", "lo", "--protocol", "tcp",
			"--dport", strconv.Itoa(dockerPort), "--jump", "REJECT", "--reject-with", "tcp-reset"))
		return err
	}
	if call("--check") == nil {
		return nil
	}
	return call("--insert")
}

// dockerListeners are the addresses where something listens on the port, unspecified ones included. It asks the kernel and not the
// port, which another builder may have shut already.
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

// listener reads a line of /proc/net/tcp or tcp6: "  0: 0100007F:0947 00000000:0000 0A …" is a socket that listens at
// 127.0.0.1:2375. Addresses are in words of 32 bits, each in the machine's byte order.
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

// openAddresses are those of this machine where the port accepts a connection, of both families.
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

// localAddresses are those of every interface. A link-local one is reached with the name of its interface alone.
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
