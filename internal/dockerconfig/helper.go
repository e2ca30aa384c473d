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
	// helperProgram is what docker calls for the helper of that name.
	helperProgram = "docker-credential-" + helperName
	// credentialsFile holds the sign-ins that the helper hands out.
	credentialsFile = "credentials.json"
)

// Credential signs in to a registry. Its password is a secret.
type Credential struct{ Username, Password string }

// errNotFound is, word for word, what docker takes for a host without a sign-in.
var errNotFound = errors.New("credentials not found in native keychain")

// Keep has the credential helper of the folder hand out these credentials, by host, from now on.
func Keep(dir string, credentials map[string]Credential) error {
	content, err := json.Marshal(credentials)
	if err != nil {
		return err
	}
	// A helper that is asked at this moment reads the file before or the file after, whole.
	next := filepath.Join(dir, credentialsFile+".next")
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("keep the sign-ins: %w", err)
	}
	return os.Rename(next, filepath.Join(dir, credentialsFile))
}

// installHelper puts this program under the helper's name into the folder.
func installHelper(dir string) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	err = os.Symlink(own, filepath.Join(dir, helperProgram))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// IsHelper says that this program was called under the credential helper's name.
func IsHelper(program string) bool { return filepath.Base(program) == helperProgram }

// Help is the credential helper: it answers one call of docker's, with the credentials kept in the folder DOCKER_CONFIG.
// The exit status says whether there was an answer.
//
// https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
func Help(arguments []string, stdin io.Reader, stdout io.Writer) (exitStatus int) {
	answer, err := help(arguments, stdin)
	if err != nil {
		fmt.Fprintln(stdout, err)
		return 1
	}
	_, _ = stdout.Write(answer)
	return 0
}

func help(arguments []string, stdin io.Reader) ([]byte, error) {
	if len(arguments) != 1 || arguments[0] != "get" {
		return nil, fmt.Errorf("%s only hands out what layercache signed in to, for the time of one build: expected get", helperProgram)
	}
	asked, err := io.ReadAll(stdin)
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
	host := strings.TrimSpace(string(asked))
	credential, ok := credentials[host]
	if !ok {
		return nil, errNotFound
	}
	return json.Marshal(map[string]string{"ServerURL": host, "Username": credential.Username, "Secret": credential.Password})
}
