package docker

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// dockerHub is the key of Docker Hub in docker's configuration.
const dockerHub = "https://index.docker.io/v1/"

// maxPassword limits what is read from the standard input.
const maxPassword = 1 << 20

// readPassword reads the standard input. A signal ends it while the input is open and sends nothing.
func (d *docker) readPassword(ctx context.Context) (string, error) {
	var content []byte
	read := make(chan error, 1)
	go func() {
		var err error
		content, err = io.ReadAll(io.LimitReader(bufio.NewReader(d.Stdin), maxPassword))
		read <- err
	}()
	select {
	case err := <-read:
		return string(content), err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// login lets docker sign in. Without a docker it signs in itself, and stores the credential where docker does.
func (d *docker) login(ctx context.Context) error {
	if _, err := real.Find(); err == nil {
		return d.delegate(ctx, "")
	}
	password := d.call.Password
	switch {
	case d.call.PasswordStdin && d.call.Username == "":
		return d.fail(failed, "the --password-stdin option requires --username to be set")
	case d.call.PasswordStdin:
		content, err := d.readPassword(ctx)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			return d.fail(failed, "%v", err)
		}
		password = strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r")
	case d.call.Username == "" || password == "":
		return d.fail(failed, "Error: Cannot perform an interactive login from a non TTY device")
	}
	server := d.server()
	if err := signIn(ctx, registryOf(server), d.call.Username, password); err != nil {
		return d.fail(failed, "Error response from daemon: %v", err)
	}
	file, err := config.Load(dockerconfig.UserDir())
	if err != nil {
		return d.fail(failed, "%v", err)
	}
	credential := types.AuthConfig{Username: d.call.Username, Password: password, ServerAddress: server}
	if err := file.GetCredentialsStore(server).Store(credential); err != nil {
		return d.fail(failed, "Error saving credentials: %v", err)
	}
	fmt.Fprintln(d.Stdout, "Login Succeeded")
	return nil
}

// logout lets docker sign out. Without a docker it removes the credential.
func (d *docker) logout(ctx context.Context) error {
	if _, err := real.Find(); err == nil {
		return d.delegate(ctx, "")
	}
	file, err := config.Load(dockerconfig.UserDir())
	if err != nil {
		return d.fail(failed, "%v", err)
	}
	server := d.server()
	fmt.Fprintf(d.Stdout, "Removing login credentials for %s\n", server)
	if err := file.GetCredentialsStore(server).Erase(server); err != nil {
		return d.fail(failed, "WARNING: could not erase credentials:\n%s: %v", server, err)
	}
	return nil
}

// server returns the key of the registry in docker's configuration: its host, without a scheme and a path.
func (d *docker) server() string {
	if len(d.call.Names) == 0 {
		return dockerHub
	}
	server := strings.TrimPrefix(strings.TrimPrefix(d.call.Names[0], "https://"), "http://")
	server, _, _ = strings.Cut(server, "/")
	if server == "docker.io" || server == "index.docker.io" || server == "registry-1.docker.io" {
		return dockerHub
	}
	return cmp.Or(server, dockerHub)
}

func registryOf(server string) string {
	if server == dockerHub {
		return name.DefaultRegistry
	}
	return server
}

// signIn asks the registry whether the credential is right.
func signIn(ctx context.Context, host, username, password string) error {
	registry, err := name.NewRegistry(host)
	if err != nil {
		return err
	}
	signed, err := transport.NewWithContext(ctx, registry, &authn.Basic{Username: username, Password: password}, remote.DefaultTransport, nil)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s://%s/v2/", registry.Scheme(), registry.RegistryStr()), nil)
	if err != nil {
		return err
	}
	answer, err := signed.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("login attempt to %s failed with status: %s", request.URL, answer.Status)
	}
	return nil
}
