package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

const commandsIntro = `# Commands

The output of ` + "`layercache COMMAND --help`" + `. The helper that builds download does not have ` + "`try`, `lint`, `doctor` and `start`" + `.

`

// commandLine matches a command in the help text of the program.
var commandLine = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`)

// writeCommands compiles layercache and writes the help text of each command.
func writeCommands(page *bytes.Buffer) error {
	folder, err := os.MkdirTemp("", "layercache-docs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, "layercache")
	if out, err := exec.Command("go", "build", "-o", program, "./bin/layercache").CombinedOutput(); err != nil {
		return fmt.Errorf("compile layercache: %w\n%s", err, out)
	}
	help, err := exec.Command(program, "--help").Output()
	if err != nil {
		return fmt.Errorf("layercache --help: %w", err)
	}
	_, help, _ = bytes.Cut(help, []byte("Available Commands:\n"))
	help, _, _ = bytes.Cut(help, []byte("\n\n"))
	page.WriteString(generated + commandsIntro)
	for _, match := range commandLine.FindAllSubmatch(help, -1) {
		command := string(match[1])
		if command == "help" || command == "completion" {
			continue
		}
		text, err := exec.Command(program, command, "--help").Output()
		if err != nil {
			return fmt.Errorf("layercache %s --help: %w", command, err)
		}
		fmt.Fprintf(page, "## layercache %s\n\n```text\n%s```\n\n", command, text)
	}
	page.Truncate(page.Len() - 1)
	return nil
}
