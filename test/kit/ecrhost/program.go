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

// enter mounts the hosts file in the mount namespace and then executes the program.
const enter = `mount --bind "$0" /etc/hosts && exec "$@"`

// Command returns a command that runs the program, which can resolve the registries' names, as can its child
// processes. The caller sets its environment: Environ, and Credentials if the program needs them.
func (w *Server) Command(ctx context.Context, program string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", enter, w.hostsPath(), program}, arguments...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return cmd
}

// Environ returns the variables that make a program trust the registries and call the APIs of this server.
// They stop the SDK from looking for credentials on an instance.
func (w *Server) Environ() []string {
	return []string{
		"SSL_CERT_FILE=" + w.certificatePath(), "AWS_ENDPOINT_URL_ECR=" + w.api.URL, "AWS_ENDPOINT_URL_STS=" + w.api.URL,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}

// Endpoint returns the address of the APIs.
func (w *Server) Endpoint() string { return w.api.URL }

// OwnKey returns the access key of Own, without a session token.
func (w *Server) OwnKey() (id, secret, session string) { return ownKeyID, ownSecret, "" }

// Credentials returns the variables that give a program the credentials of Own.
func (w *Server) Credentials() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + ownKeyID, "AWS_SECRET_ACCESS_KEY=" + ownSecret}
}

// Transport returns a transport with which this process can reach the registries.
func (w *Server) Transport() http.RoundTripper {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.authority.root)
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.address)
		},
	}
}
