package builder

import (
	"net/netip"
	"os"
	"slices"
	"strings"
)

// The files of name servers that BuildKit reads: the machine's, and if that names only systemd-resolved, the
// servers that systemd-resolved asks.
const (
	resolvConf   = "/etc/resolv.conf"
	resolvedConf = "/run/systemd/resolve/resolv.conf"
	resolvedStub = "127.0.0.53"
)

// NameServers are the name servers of this machine.
type NameServers struct {
	// All are the servers in /etc/resolv.conf, in order.
	All []string
	// Steps are the servers that the native builder is configured with for steps. It is empty if BuildKit finds
	// the right ones itself.
	Steps []string
}

// ReadNameServers reads the name servers of this machine. BuildKit removes the loopback ones, because a step
// with a network of its own cannot reach them, and takes public ones if none is left. The steps of the native
// builder are on the network of the machine, where loopback servers work and may be the only ones that know
// private names.
func ReadNameServers() NameServers { return nameServers(resolvConf, resolvedConf) }

func nameServers(file, resolved string) NameServers {
	all := readNameServers(file)
	s := NameServers{All: all}
	if len(all) == 1 && all[0] == resolvedStub && slices.ContainsFunc(readNameServers(resolved), isRemote) {
		return s
	}
	if !slices.ContainsFunc(all, isLoopback) {
		return s
	}
	s.Steps = all
	return s
}

// readNameServers returns the addresses of the nameserver lines; none if the file cannot be read.
func readNameServers(file string) []string {
	content, _ := os.ReadFile(file)
	var servers []string
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if _, err := netip.ParseAddr(fields[1]); err == nil {
			servers = append(servers, fields[1])
		}
	}
	return servers
}

func isLoopback(server string) bool {
	address, err := netip.ParseAddr(server)
	return err == nil && address.IsLoopback()
}

func isRemote(server string) bool { return !isLoopback(server) }
