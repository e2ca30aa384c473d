package programs

import (
	"os"
	"path/filepath"
	"strings"
)

// remover is the start of the command line of the process that removes a builder's files, which outlives the
// helper.
const remover = "rm\x00-rf\x00--\x00"

// Process is a process started by a helper.
type Process struct {
	// Dir is its folder in /proc.
	Dir string
	// Command is its command line; a NUL byte ends each argument.
	Command string
}

// Running returns the processes that belong to the folders, except the remover: processes with a folder in
// their environment, such as the helper with its home, and processes that have part of one mounted, such as
// buildkitd and steps with the folder for builders.
func Running(dirs ...string) []Process {
	var found []Process
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		dir := filepath.Dir(path)
		environment, _ := os.ReadFile(path)
		mounts, _ := os.ReadFile(filepath.Join(dir, "mountinfo"))
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		// A process that is ending has released its memory, and so its command line, before its mounts.
		if len(command) > 0 && !strings.HasPrefix(string(command), remover) && belongs(string(environment), string(mounts), dirs) {
			found = append(found, Process{dir, string(command)})
		}
	}
	return found
}

func belongs(environment, mounts string, dirs []string) bool {
	for _, dir := range dirs {
		// A mount is listed with its path in its own file system, which may be mounted anywhere, so only the
		// last two names are compared.
		tail := "/" + filepath.Join(filepath.Base(filepath.Dir(dir)), filepath.Base(dir))
		if strings.Contains(environment, "="+dir+"\x00") || strings.Contains(environment, "="+dir+"/") ||
			strings.Contains(mounts, tail+" ") || strings.Contains(mounts, tail+"/") {
			return true
		}
	}
	return false
}
