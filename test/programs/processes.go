package programs

import (
	"os"
	"path/filepath"
	"strings"
)

// remover is how the command line begins of the process that removes a builder's files, which outlives the helper.
const remover = "rm\x00-rf\x00--\x00"

// Process is a process of a helper's.
type Process struct {
	// Dir is its folder in /proc.
	Dir string
	// Command is its command line; a NUL byte ends each argument.
	Command string
}

// Running are the processes that belong to the folders, but for the remover: those whose environment names one, such as the helper with
// its home, and those that have something of it mounted, such as buildkitd and the steps with the folder for builders.
func Running(dirs ...string) []Process {
	var found []Process
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		dir := filepath.Dir(path)
		environment, _ := os.ReadFile(path)
		mounts, _ := os.ReadFile(filepath.Join(dir, "mountinfo"))
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err == nil && !strings.HasPrefix(string(command), remover) && belongs(string(environment), string(mounts), dirs) {
			found = append(found, Process{dir, string(command)})
		}
	}
	return found
}

func belongs(environment, mounts string, dirs []string) bool {
	for _, dir := range dirs {
		// A mount is listed with its path in its own file system, which may be mounted anywhere: the last two names are enough.
		tail := "/" + filepath.Join(filepath.Base(filepath.Dir(dir)), filepath.Base(dir))
		if strings.Contains(environment, "="+dir+"\x00") || strings.Contains(environment, "="+dir+"/") ||
			strings.Contains(mounts, tail+" ") || strings.Contains(mounts, tail+"/") {
			return true
		}
	}
	return false
}
