package lint

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// offline lists, for a manager, the arguments and the variables that keep it from downloading. An argument may
// also be given as NAME=VALUE.
var offline = map[string]struct{ arguments, variables []string }{
	"pip":      {[]string{"--no-index", "--dry-run"}, []string{"PIP_NO_INDEX"}},
	"uv":       {[]string{"--offline", "--no-index"}, []string{"UV_OFFLINE", "UV_NO_INDEX"}},
	"npm":      {[]string{"--offline", "--dry-run", "--package-lock-only"}, []string{"npm_config_offline", "NPM_CONFIG_OFFLINE"}},
	"yarn":     {[]string{"--offline", "--immutable-cache"}, []string{"YARN_ENABLE_OFFLINE_MODE", "YARN_ENABLE_NETWORK"}},
	"pnpm":     {[]string{"--offline", "--lockfile-only"}, []string{"npm_config_offline", "NPM_CONFIG_OFFLINE"}},
	"go":       {[]string{"-mod=vendor"}, []string{"GOPROXY=off", "GO111MODULE=off"}},
	"cargo":    {[]string{"--offline", "--frozen", "net.offline=true", "--config=net.offline=true"}, []string{"CARGO_NET_OFFLINE"}},
	"mvn":      {[]string{"-o", "--offline"}, nil},
	"gradle":   {[]string{"--offline"}, nil},
	"bundle":   {[]string{"--local"}, []string{"BUNDLE_LOCAL", "BUNDLE_CACHE_PATH"}},
	"gem":      {[]string{"--local", "-l"}, nil},
	"apt":      {[]string{"--no-download", "-s", "--simulate", "--dry-run", "--just-print", "--print-uris"}, nil},
	"dnf":      {[]string{"-C", "--cacheonly", "--assumeno"}, nil},
	"yum":      {[]string{"-C", "--cacheonly", "--assumeno"}, nil},
	"apk":      {[]string{"--no-network", "--simulate", "-s"}, nil},
	"composer": {[]string{"--dry-run"}, []string{"COMPOSER_DISABLE_NETWORK"}},
}

// isOffline reports whether the command downloads no packages, as far as its own words say.
func (m *manager) isOffline(c shellCommand) bool {
	if c.has("--help", "-h", "--version") {
		return true
	}
	by := offline[m.name]
	if c.has(by.arguments...) || m.name == "go" && (c.has("--mod=vendor") || strings.Contains(strings.Join(c.args, " "), "-mod vendor")) {
		return true
	}
	return m.isOfflineWith(c.environment) || c.namesOnlyFiles()
}

// namesOnlyFiles reports whether a command installs files and no package by its name. What else they need is not
// known. pip needs --no-deps for this, because packages usually need others.
func (c shellCommand) namesOnlyFiles() bool {
	install, files := false, 0
	for _, arg := range c.args {
		switch {
		case strings.HasPrefix(arg, "-") || strings.ContainsAny(arg, "<>"):
		case !install && slices.Contains([]string{"install", "add"}, arg):
			install = true
		case isFile(arg):
			files++
		default:
			return false
		}
	}
	switch c.program {
	case "pip":
		return files > 0 && c.has("--no-deps")
	case "gem":
		return files > 0
	}
	return files > 0 && c.isSystem()
}

// isFile reports whether an argument is the path of a file, or a pattern of files.
func isFile(arg string) bool {
	if strings.Contains(arg, "://") {
		return false
	}
	name := path.Ext(arg)
	return slices.Contains([]string{".deb", ".rpm", ".apk", ".gem", ".whl"}, name) || strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../")
}

// isOfflineWith reports whether one of the assignments keeps the manager from downloading.
func (m *manager) isOfflineWith(assignments []string) bool {
	return slices.ContainsFunc(assignments, func(assignment string) bool {
		name, value, _ := strings.Cut(assignment, "=")
		if m.name == "go" && name == "GOFLAGS" {
			return strings.Contains(value, "-mod=vendor")
		}
		by := offline[m.name].variables
		return slices.Contains(by, name) || slices.Contains(by, assignment)
	})
}

// assignments returns the variables that an ENV or an ARG sets, and those that a RUN exports or writes into the
// configuration of a manager, as NAME=VALUE.
func (in *instruction) assignments() []string {
	var all []string
	switch command := in.command.(type) {
	case *instructions.EnvCommand:
		for _, pair := range command.Env {
			all = append(all, pair.Key+"="+unquoted(pair.Value))
		}
	case *instructions.ArgCommand:
		for _, arg := range command.Args {
			all = append(all, arg.Key+"="+unquoted(arg.ValueString()))
		}
	}
	for _, command := range in.commands() {
		all = append(all, command.settings()...)
	}
	return all
}

// settings returns the variables that a command sets for later ones, as NAME=VALUE. A setting of a manager's
// configuration that may keep it from downloading stands as the variable with this effect.
func (c shellCommand) settings() []string {
	m := managersByProgram()[c.program]
	switch {
	case c.program == "export" || c.program == "go" && c.has("env") && c.has("-w"):
		return c.args
	case m != nil && c.has("config") && len(offline[m.name].variables) > 0 && offlineSetting.MatchString(c.String()):
		return offline[m.name].variables[:1]
	}
	return nil
}

// offlineSetting matches settings that may keep npm, pip, Yarn or Bundler from downloading.
var offlineSetting = regexp.MustCompile(`(?i)offline|no-index|find-links|enableNetwork|cache_path`)

// environment returns the assignments of the stages that a stage is built on.
func (s *stage) environment() []string {
	if s.parent == nil {
		return nil
	}
	all := s.parent.environment()
	for _, in := range s.parent.own {
		all = append(all, in.assignments()...)
	}
	return all
}

// isOffline reports whether a RUN has no network.
func (in *instruction) isOffline() bool {
	network, _ := in.flag("network")
	return network == "none"
}

// vendored lists paths of the context that hold the packages of a manager, or tell it where they are.
var vendored = map[string][]string{
	"go":       {"vendor/modules.txt", "*/vendor/modules.txt", "go.work"},
	"cargo":    {".cargo/config.toml", ".cargo/config"},
	"yarn":     {".yarn/cache", ".yarn-offline-mirror", "node_modules/.yarn-integrity"},
	"bundle":   {"vendor/cache"},
	"composer": {"vendor/composer/installed.json"},
	"pip":      {"wheels", "wheelhouse"},
}

// isVendored reports whether the context may hold the packages itself.
func (x *Context) isVendored(m *manager) bool {
	if x == nil {
		return false
	}
	for _, pattern := range vendored[m.name] {
		if found, _ := fs.Glob(x.Files, pattern); len(found) > 0 {
			return true
		}
	}
	return false
}

// mayBeVendored reports whether the context may hold the packages itself, or none are known to be needed.
func (x *Context) mayBeVendored(m *manager) bool {
	if x == nil || x.isVendored(m) {
		return x != nil
	}
	manifests := x.manifests(m)
	if len(manifests) == 0 {
		return true
	}
	return m.name == "go" && !slices.ContainsFunc(manifests, x.requiresModules)
}

// manifests returns the manager's manifests in the context and in the folders below it.
func (x *Context) manifests(m *manager) []string {
	var all []string
	for _, pattern := range m.manifests {
		for _, folder := range []string{"", "*/", "*/*/"} {
			found, _ := fs.Glob(x.Files, folder+pattern)
			all = append(all, found...)
		}
	}
	return all
}

// requiresModules reports whether a file is a go.mod that requires modules.
func (x *Context) requiresModules(name string) bool {
	if path.Base(name) != "go.mod" {
		return false
	}
	content, err := fs.ReadFile(x.Files, name)
	if err != nil {
		return false
	}
	parsed, err := modfile.ParseLax(name, content, nil)
	return err == nil && len(parsed.Require) > 0
}
