package agent

import (
	"os"
	"slices"
	"strings"
)

// carry loads the state that the last command saved: its environment, its other variables and its working
// directory.
func (s *shell) carry() {
	environment, err := os.ReadFile(s.file("environment"))
	if err != nil || len(environment) == 0 {
		return
	}
	s.env = map[string]string{}
	for pair := range strings.SplitSeq(strings.TrimSuffix(string(environment), "\x00"), "\x00") {
		name, value, _ := strings.Cut(pair, "=")
		if !slices.Contains(perProcess, name) {
			s.env[name] = value
		}
	}
	variables, err := os.ReadFile(s.file("variables"))
	if err == nil {
		_ = os.WriteFile(s.file("carried.sh"), []byte(s.unexported(string(variables))), 0o600)
	}
	cwd, err := os.ReadFile(s.file("cwd"))
	if err == nil && len(cwd) > 1 {
		s.cwd = strings.TrimSuffix(string(cwd), "\n")
	}
}

func (s *shell) environ() []string {
	pairs := make([]string, 0, len(s.env))
	for name, value := range s.env {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return pairs
}

// perProcess are variables that each shell sets itself.
var perProcess = []string{
	"_", "BASHOPTS", "COLUMNS", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HISTCMD", "HOSTNAME", "HOSTTYPE",
	"LINENO", "LINES", "MACHTYPE", "OPTIND", "OSTYPE", "PIPESTATUS", "PPID", "PWD", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "UID",
}

// unexported returns the assignments in the output of `set` of plain variables that are not in the
// environment.
func (s *shell) unexported(printed string) string {
	var kept strings.Builder
	for record := range assignments(printed) {
		name, value, ok := strings.Cut(record, "=")
		_, isExported := s.env[name]
		isArray := strings.HasPrefix(value, "(")
		if !ok || isExported || isArray || slices.Contains(perProcess, name) || strings.HasPrefix(name, "BASH") {
			continue
		}
		kept.WriteString(record + "\n")
	}
	return kept.String()
}
