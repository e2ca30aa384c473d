package dockerconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	helperName = "layercache"
	// helperProgram is the program that docker runs for the helper of that name.
	helperProgram = "docker-credential-" + helperName
	// credentialsFile contains the sign-ins that the helper returns.
	credentialsFile = "credentials.json"
)

// Credential is a sign-in to a registry. Its password is a secret.
type Credential struct{ Username, Password string }

// errNotFound is the exact message that docker expects for a host without a sign-in.
var errNotFound = errors.New("credentials not found in native keychain")

// StoreCredentials makes the credential helper of the folder return these credentials, by host, from now on.
func StoreCredentials(dir string, credentials map[string]Credential) error {
	content, err := json.Marshal(credentials)
	if err != nil {
		return err
	}
	// The rename makes a concurrent helper read either the old file or the new one.
	next := filepath.Join(dir, credentialsFile+".next")
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("store the sign-ins: %w", err)
	}
	return os.Rename(next, filepath.Join(dir, credentialsFile))
}

// installHelper links this program into the folder under the helper's name.
func installHelper(dir string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	err = os.Symlink(program, filepath.Join(dir, helperProgram))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// IsHelper reports whether this program was run under the credential helper's name.
func IsHelper(program string) bool { return filepath.Base(program) == helperProgram }

// ServeCredentials is the credential helper: it answers one call by docker from the credentials in the folder
// DOCKER_CONFIG. It returns the exit status: 0 with an answer, else 1.
//
// https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
func ServeCredentials(arguments []string, stdin io.Reader, stdout io.Writer) (exitStatus int) {
	answer, err := credentialFor(arguments, stdin)
	if err != nil {
		fmt.Fprintln(stdout, err)
		return 1
	}
	_, _ = stdout.Write(answer)
	return 0
}

func credentialFor(arguments []string, stdin io.Reader) ([]byte, error) {
	if len(arguments) != 1 || arguments[0] != "get" {
		return nil, fmt.Errorf("%s only supports get: it returns the sign-ins of a running build", helperProgram)
	}
	request, err := io.ReadAll(stdin)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), credentialsFile))
	if err != nil {
		return nil, errNotFound
	}
	var credentials map[string]Credential
	if err := json.Unmarshal(content, &credentials); err != nil {
		return nil, errNotFound
	}
	host := strings.TrimSpace(string(request))
	credential, ok := credentials[host]
	if !ok {
		return nil, errNotFound
	}
	return json.Marshal(map[string]string{"ServerURL": host, "Username": credential.Username, "Secret": credential.Password})
}
