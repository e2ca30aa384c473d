package builder

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNameServersOfSteps(t *testing.T) {
	cases := []struct {
		name, file string
		// resolved is the file of systemd-resolved; "" if there is none.
		resolved   string
		all, steps []string
	}{
		{"a server on the network", "search corp.example\nnameserver 10.0.0.2\n", "", []string{"10.0.0.2"}, nil},
		{"only Docker's own server", "nameserver 127.0.0.11\noptions ndots:0\n", "", []string{"127.0.0.11"}, []string{"127.0.0.11"}},
		{"only servers on the loopback, one with IPv6", "nameserver ::1\nnameserver\t127.0.0.1 # dnsmasq\n", "", []string{"::1", "127.0.0.1"}, []string{"::1", "127.0.0.1"}},
		{"a server on the loopback first", "nameserver 127.0.0.1\nnameserver 10.0.0.2\n", "", []string{"127.0.0.1", "10.0.0.2"}, []string{"127.0.0.1", "10.0.0.2"}},
		{"systemd-resolved, whose servers BuildKit reads", "nameserver 127.0.0.53\n", "nameserver 10.0.0.2\n", []string{"127.0.0.53"}, nil},
		{"systemd-resolved without its file", "nameserver 127.0.0.53\n", "", []string{"127.0.0.53"}, []string{"127.0.0.53"}},
		{"systemd-resolved that asks the loopback", "nameserver 127.0.0.53\n", "nameserver 127.0.0.1\n", []string{"127.0.0.53"}, []string{"127.0.0.53"}},
		{"systemd-resolved beside another server", "nameserver 127.0.0.53\nnameserver 127.0.0.54\n", "nameserver 10.0.0.2\n", []string{"127.0.0.53", "127.0.0.54"}, []string{"127.0.0.53", "127.0.0.54"}},
		{"lines that are not servers", "#nameserver 127.0.0.1\n; nameserver 127.0.0.1\nnameserver\nnameserver localhost\nnameservers 127.0.0.1", "", nil, nil},
		{"an empty file", "", "", nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file, resolved := filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "resolved.conf")
			require.NoError(t, os.WriteFile(file, []byte(c.file), 0o600))
			if c.resolved != "" {
				require.NoError(t, os.WriteFile(resolved, []byte(c.resolved), 0o600))
			}
			assert.Equal(t, NameServers{All: c.all, Steps: c.steps}, nameServers(file, resolved))
		})
	}
	assert.Equal(t, NameServers{}, nameServers("/no/such/file", "/no/such/file"))
}
