package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Steps are on the network of the machine, so they ask its name servers, also those on the loopback, which
// BuildKit would replace by public ones.
func TestStepsAskTheNameServersOfTheMachine(t *testing.T) {
	for name, servers := range map[string][]string{
		"only one on the loopback": {"127.0.0.11"},
		"the loopback first":       {"127.0.0.1", "10.0.0.2"},
		"only on the network":      {"10.0.0.2", "10.0.0.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMachine(t)
			w.write("Dockerfile", "FROM "+base+" AS build\nRUN grep ^nameserver /etc/resolv.conf > /servers\nFROM scratch\nCOPY --from=build /servers /servers\n")
			conf := filepath.Join(w.tmp, "resolv.conf")
			text := "nameserver " + strings.Join(servers, "\nnameserver ") + "\n"
			require.NoError(t, os.WriteFile(conf, []byte(text), 0o644))
			w.mounts = map[string]string{conf: "/etc/resolv.conf"}
			w.succeeds(w.build())
			assert.Equal(t, text, fileOf(t, w.pulled(w.image()), "servers"))
		})
	}
}
