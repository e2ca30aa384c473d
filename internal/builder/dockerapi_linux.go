package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
)

// dockerAPI is where the curated images of CodeBuild have dockerd listen, beside its socket, to whoever asks. The steps of the
// native builder are on the machine's network; who may talk to dockerd is root on the machine.
//
// https://github.com/aws/aws-codebuild-docker-images (dockerd-entrypoint.sh)
const dockerAPI = "127.0.0.1:2375"

// errDockerAPI is what there is to know where the steps can talk to dockerd.
var errDockerAPI = errors.New("steps can talk to dockerd at tcp://" + dockerAPI + ", and so become root on this machine: have it listen on its socket alone")

// shutDockerAPI closes dockerd's port while the builder runs, in a CodeBuild build, where nothing else has a use for it: the
// docker command talks to the socket. Opening it again is the caller's.
func shutDockerAPI(ctx context.Context) (reopen func(), err error) {
	reopen = func() {}
	if !dockerListens() {
		return reopen, nil
	}
	// Elsewhere, or where the docker command itself is sent there, the port is not ours to close.
	if os.Getenv("CODEBUILD_BUILD_ID") == "" || strings.HasPrefix(os.Getenv("DOCKER_HOST"), "tcp:") {
		return reopen, errDockerAPI
	}
	if _, err := run(firewall(ctx, "--insert")); err != nil {
		return reopen, fmt.Errorf("%w (%w)", errDockerAPI, err)
	}
	// Each builder has a rule of its own, so the port opens with the last of them.
	return func() { _, _ = run(firewall(context.WithoutCancel(ctx), "--delete")) }, nil
}

// dockerListens asks the kernel and not the port, which another builder may have shut already.
func dockerListens() bool {
	const listening = ":0947 00000000:0000 0A" // local port 2375, any peer, state LISTEN
	sockets, err := os.ReadFile("/proc/thread-self/net/tcp")
	return err == nil && bytes.Contains(sockets, []byte(listening))
}

// firewall puts in or takes out the rule that refuses connections to the port.
func firewall(ctx context.Context, what string) *exec.Cmd {
	host, port, _ := net.SplitHostPort(dockerAPI)
	return exec.CommandContext(ctx, "iptables", "--wait", "5", what, "OUTPUT", "--destination", host, "--protocol", "tcp", "--dport", port,
		"--jump", "REJECT", "--reject-with", "tcp-reset")
}
