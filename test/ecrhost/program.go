//go:build linux

package ecrhost

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os/exec"
	"syscall"
)

// enter puts the hosts file in its place in a mount namespace, and becomes the program.
const enter = `mount --bind "$0" /etc/hosts && exec "$@"`

// Command is a program in whose eyes, and in those of what it starts, the registries' names resolve. The caller sets its
// environment: Environ, and Credentials where the program is to have some.
func (w *World) Command(ctx context.Context, program string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", enter, w.hostsPath(), program}, arguments...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return cmd
}

// Environ are the variables with which a program trusts the registries and calls the APIs of this world. The SDK looks for
// no credentials on an instance.
func (w *World) Environ() []string {
	return []string{
		"SSL_CERT_FILE=" + w.certificatePath(), "AWS_ENDPOINT_URL_ECR=" + w.api.URL, "AWS_ENDPOINT_URL_STS=" + w.api.URL,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}

// Endpoint is the address of the APIs.
func (w *World) Endpoint() string { return w.api.URL }

// OwnKey is the access key that makes its user Own, which has no session.
func (w *World) OwnKey() (id, secret, session string) { return ownKeyID, ownSecret, "" }

// Credentials are the variables that make a program Own.
func (w *World) Credentials() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + ownKeyID, "AWS_SECRET_ACCESS_KEY=" + ownSecret}
}

// Transport reaches the registries from this process.
func (w *World) Transport() http.RoundTripper {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.authority.root)
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.address)
		},
	}
}
