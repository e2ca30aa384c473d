package builder

import (
	"errors"
	"os"
	"slices"
	"strings"
)

// ErrNotShared is the error of Options.Join if no builder is shared.
var ErrNotShared = errors.New("no builder is shared")

// Daemon tells another process of this machine where a native builder is.
type Daemon struct {
	// Dir is the state folder, and Snapshotter the snapshotter in it.
	Dir, Snapshotter string
	// PID is the process ID of buildkitd.
	PID int
	// Note explains why the builder is slow; empty if it is not.
	Note string
}

// Link is the connection of a build to the process that runs a Daemon.
type Link struct {
	// Exited is closed when the daemon has ended, and Failure then returns why.
	Exited  <-chan struct{}
	Failure func() error
	// Kill kills the daemon and waits until it accepts no builds any more.
	Kill func()
	// Leave tells the process that the build no longer uses the daemon.
	Leave func() error
	// Used is true if a build has used the daemon before.
	Used bool
}

// Configuration returns what decides whether two builds can share a native builder: the content of buildkitd.toml and
// the variables that buildkitd gets.
func Configuration(options Options) (string, error) {
	content, err := configure(options, ReadNameServers().Steps)
	return string(content) + strings.Join(passedVariables(os.Environ(), daemonVariables), "\n"), err
}

// keeperVariables are what a process needs that runs a native builder for others, besides daemonVariables: where programs
// and state folders are, and how it blocks dockerd's port.
var keeperVariables = []string{"PATH", "HOME", "XDG_CACHE_HOME", "TMPDIR", "CODEBUILD_BUILD_ID", "DOCKER_HOST"}

// KeeperEnvironment returns the environment of a process that runs a native builder for others. It has nothing that is
// only for one of the builds, such as credentials.
func KeeperEnvironment(environ []string) []string {
	return passedVariables(environ, slices.Concat(keeperVariables, daemonVariables))
}

func passedVariables(environ, names []string) []string {
	var passed []string
	for _, variable := range environ {
		if name, _, _ := strings.Cut(variable, "="); slices.Contains(names, name) {
			passed = append(passed, variable)
		}
	}
	slices.Sort(passed)
	return passed
}
