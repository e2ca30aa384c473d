//go:build linux

package hostile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// seen is what other processes on the machine can see of a build's processes.
type seen struct {
	// commands are the command lines.
	commands []string
	// programs maps the names of the programs to the maximum size of their core files, as in /proc.
	programs map[string]string
}

// watch observes the process and its descendants until the returned function is called, which returns what
// was seen.
func watch(pid int) func() seen {
	stop, done := make(chan struct{}), make(chan seen, 1)
	go func() {
		commands, programs := map[string]bool{}, map[string]string{}
		for {
			for _, descendant := range descendants(pid) {
				look(descendant, commands, programs)
			}
			select {
			case <-stop:
				got := seen{programs: programs}
				for command := range commands {
					got.commands = append(got.commands, command)
				}
				done <- got
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() seen {
		close(stop)
		return <-done
	}
}

func look(pid int, commands map[string]bool, programs map[string]string) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(command) == 0 {
		return
	}
	commands[string(command)] = true
	program, _, _ := strings.Cut(string(command), "\x00")
	limits, err := os.ReadFile(filepath.Join(dir, "limits"))
	if err != nil {
		return
	}
	for line := range strings.SplitSeq(string(limits), "\n") {
		if soft, found := strings.CutPrefix(line, "Max core file size"); found && strings.TrimSpace(soft) != "" {
			programs[filepath.Base(program)] = strings.Fields(soft)[0]
		}
	}
}

// descendants returns the process and all of its descendants that currently run.
func descendants(pid int) []int {
	found := []int{pid}
	for i := 0; i < len(found); i++ {
		lists, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(found[i]), "task", "*", "children"))
		for _, list := range lists {
			content, _ := os.ReadFile(list)
			for word := range strings.FieldsSeq(string(content)) {
				if child, err := strconv.Atoi(word); err == nil {
					found = append(found, child)
				}
			}
		}
	}
	return found
}
