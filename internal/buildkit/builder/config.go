package builder

import (
	"fmt"
	"os"

	"github.com/pelletier/go-toml/v2"
)

// configuration is the part of buildkitd.toml that layercache sets.
//
// https://docs.docker.com/build/buildkit/toml-configuration/
type configuration struct {
	Worker   map[string]workerConfiguration   `toml:"worker"`
	Registry map[string]registryConfiguration `toml:"registry,omitempty"`
	History  *historyConfiguration            `toml:"history,omitempty"`
}

type workerConfiguration struct {
	GC             bool `toml:"gc"`
	MaxParallelism int  `toml:"max-parallelism,omitempty"`
}

type registryConfiguration struct {
	Mirrors []string `toml:"mirrors,omitempty"`
	HTTP    bool     `toml:"http,omitempty"`
}

// historyConfiguration limits the build history; 0 entries disable it.
type historyConfiguration struct {
	MaxEntries int `toml:"maxEntries"`
}

// writeConfiguration writes buildkitd.toml with the mirrors, the limit of parallel steps and the build
// history. It disables garbage collection, because the builder runs for one build only.
func writeConfiguration(path string, options Options) error {
	registries := map[string]registryConfiguration{}
	for _, mirror := range options.Mirrors {
		registry := registries[mirror.Upstream]
		registry.Mirrors = append(registry.Mirrors, mirror.Location)
		registries[mirror.Upstream] = registry
	}
	for _, host := range options.PlainHTTP {
		registry := registries[host]
		registry.HTTP = true
		registries[host] = registry
	}
	c := configuration{
		Worker:   map[string]workerConfiguration{"oci": {GC: false, MaxParallelism: options.Parallelism}},
		Registry: registries,
	}
	if options.NoHistory {
		c.History = &historyConfiguration{MaxEntries: 0}
	}
	content, err := toml.Marshal(c)
	if err != nil {
		return fmt.Errorf("buildkitd.toml: %w", err)
	}
	return os.WriteFile(path, content, 0o600)
}
