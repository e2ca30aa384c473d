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
	Entitlements []string                         `toml:"insecure-entitlements"`
	Worker       map[string]workerConfiguration   `toml:"worker"`
	Registry     map[string]registryConfiguration `toml:"registry,omitempty"`
	History      *historyConfiguration            `toml:"history,omitempty"`
	DNS          *dnsConfiguration                `toml:"dns,omitempty"`
}

type workerConfiguration struct {
	GC             bool       `toml:"gc"`
	MaxParallelism int        `toml:"max-parallelism,omitempty"`
	Policies       []gcPolicy `toml:"gcpolicy,omitempty"`
}

// gcPolicy is what garbage collection removes.
type gcPolicy struct {
	Filters      []string `toml:"filters"`
	MinFreeSpace string   `toml:"minFreeSpace"`
	MaxUsedSpace string   `toml:"maxUsedSpace"`
}

// sharedPolicy removes results and contexts of earlier builds, in order of their last use, when the disk is almost full.
// BuildKit removes nothing that a build uses. Cache mounts stay, because what is in them may not have been saved yet.
// With a minimum of free space alone, BuildKit removes a result at each collection however much is free: it then keeps
// "less than what is used now" (calculateKeepBytes and pruneOnce in cache/manager.go). The maximum, which no disk has,
// prevents that.
var sharedPolicy = gcPolicy{
	Filters: []string{"type==regular", "type==source.local", "type==source.git.checkout"}, MinFreeSpace: "2GB", MaxUsedSpace: "1PB",
}

type registryConfiguration struct {
	Mirrors []string `toml:"mirrors,omitempty"`
	HTTP    bool     `toml:"http,omitempty"`
}

// dnsConfiguration has the name servers of steps. BuildKit keeps these, also loopback ones.
type dnsConfiguration struct {
	NameServers []string `toml:"nameservers"`
}

// historyConfiguration limits the build history; 0 entries disable it.
type historyConfiguration struct {
	MaxEntries int `toml:"maxEntries"`
}

// entitlements are those that a build may ask for with --allow. buildx's container driver and Docker's own
// builder allow the same. It gives steps nothing more: they are on the machine's network anyway.
// security.insecure is not among them, because it gives a step all capabilities and devices of the machine.
var entitlements = []string{"network.host"}

// writeConfiguration writes buildkitd.toml.
func writeConfiguration(path string, options Options, nameServers []string) error {
	content, err := configure(options, nameServers)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// configure returns buildkitd.toml with the mirrors, the limit of parallel steps, the build history and the name servers
// of steps, which BuildKit chooses if there are none. Garbage collection is disabled for a builder that runs one build
// only.
func configure(options Options, nameServers []string) ([]byte, error) {
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
	worker := workerConfiguration{MaxParallelism: options.Parallelism}
	if options.SharedByBuilds {
		worker.GC, worker.Policies = true, []gcPolicy{sharedPolicy}
	}
	c := configuration{
		Entitlements: entitlements,
		Worker:       map[string]workerConfiguration{"oci": worker},
		Registry:     registries,
	}
	if options.NoHistory {
		c.History = &historyConfiguration{MaxEntries: 0}
	}
	if len(nameServers) > 0 {
		c.DNS = &dnsConfiguration{NameServers: nameServers}
	}
	content, err := toml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("buildkitd.toml: %w", err)
	}
	return content, nil
}
