package buildx

import (
	"slices"
	"strings"
)

// runFlags are the flags that BuildKit makes part of every RUN.
var runFlags = []string{
	"add-host", "cgroup-parent", "network", "shm-size", "ulimit", "resource",
	"cpu-period", "cpu-quota", "cpu-shares", "cpuset-cpus", "cpuset-mems", "memory", "memory-swap",
}

// RunFlags returns the values of the flags that BuildKit makes part of every RUN, by name. Values of --add-host are
// without addresses, which BuildKit does not compare.
func (a Args) RunFlags() map[string]string {
	found := map[string]string{}
	for flag, value := range a.values() {
		if !slices.Contains(runFlags, flag) || flag == "network" && value == "default" {
			continue
		}
		if flag == "add-host" {
			value, _, _ = strings.Cut(strings.ReplaceAll(value, "=", ":"), ":")
		}
		found[flag] += value + "\n"
	}
	return found
}

// BuildContexts returns the values of --build-context by name.
func (a Args) BuildContexts() map[string]string {
	found := map[string]string{}
	for flag, value := range a.values() {
		if name, place, ok := strings.Cut(value, "="); flag == "build-context" && ok {
			found[strings.ToLower(name)] = place
		}
	}
	return found
}
