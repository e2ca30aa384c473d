package cli

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/programs"
)

var update = flag.Bool("update", false, "update messages.txtar")

// Each file of messages.txtar is a wrong command line, with variables before it as in a shell, and what it writes to stderr.
// Every one ends with status 1 and writes nothing else.
func TestTheMessagesOfWrongCommandLines(t *testing.T) {
	const file = "messages.txtar"
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(archive.Files), 30)
	dir := t.TempDir()
	for i, c := range archive.Files {
		t.Run(c.Name, func(t *testing.T) {
			stderr := refused(t, dir, c.Name)
			if *update {
				archive.Files[i].Data = []byte(stderr)
				return
			}
			assert.Equal(t, string(c.Data), stderr)
		})
	}
	if *update {
		require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
	}
}

// refused runs a command line, which has no quotes, and returns what it writes to stderr.
func refused(t *testing.T, dir, line string) string {
	t.Helper()
	environment := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_EC2_METADATA_DISABLED=true"}
	words := strings.Fields(line)
	for words[0] != "layercache" {
		environment, words = append(environment, words[0]), words[1:]
	}
	var stdout, stderr bytes.Buffer
	command := exec.Command(programs.Path(programs.Whole), words[1:]...)
	command.Dir, command.Env, command.Stdout, command.Stderr = dir, environment, &stdout, &stderr
	var exit *exec.ExitError
	require.True(t, errors.As(command.Run(), &exit), "the command line is accepted")
	assert.Equal(t, 1, exit.ExitCode())
	assert.Empty(t, stdout.String())
	return stderr.String()
}
