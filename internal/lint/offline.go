package lint

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// offline lists, for a manager, the arguments and the variables that keep it from downloading. An argument may
// also be given as NAME=VALUE.
var offline = map[string]struct{ arguments, variables []string }{
	"pip":      {[]string{"--no-index"}, []string{"PIP_NO_INDEX"}},
	"uv":       {[]string{"--offline", "--no-index"}, []string{"UV_OFFLINE", "UV_NO_INDEX"}},
	"npm":      {[]string{"--offline"}, []string{"npm_config_offline", "NPM_CONFIG_OFFLINE"}},
	"yarn":     {[]string{"--offline"}, []string{"YARN_ENABLE_OFFLINE_MODE", "YARN_ENABLE_NETWORK"}},
	"pnpm":     {[]string{"--offline"}, []string{"npm_config_offline", "NPM_CONFIG_OFFLINE"}},
	"go":       {[]string{"-mod=vendor"}, []string{"GOPROXY=off"}},
	"cargo":    {[]string{"--offline", "--frozen"}, []string{"CARGO_NET_OFFLINE"}},
	"mvn":      {[]string{"-o", "--offline"}, nil},
	"gradle":   {[]string{"--offline"}, nil},
	"bundle":   {[]string{"--local"}, []string{"BUNDLE_LOCAL", "BUNDLE_CACHE_PATH"}},
	"gem":      {[]string{"--local", "-l"}, nil},
	"apt":      {[]string{"--no-download", "-s", "--simulate", "--dry-run"}, nil},
	"apk":      {[]string{"--no-network", "--simulate", "-s"}, nil},
	"composer": {[]string{"--dry-run"}, []string{"COMPOSER_DISABLE_NETWORK"}},
}

// isOffline reports whether the command cannot download packages, by an argument or a variable.
func (m *manager) isOffline(c shellCommand) bool {
	if c.has("--help", "-h", "--version") {
		return true
	}
	by := offline[m.name]
	if c.has(by.arguments...) || m.name == "go" && strings.Contains(strings.Join(c.args, " "), "-mod vendor") {
		return true
	}
	return m.isOfflineWith(c.environment)
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

// assignments returns the variables that a RUN exports or an ENV sets, as NAME=VALUE.
func (in *instruction) assignments() []string {
	var all []string
	if env, ok := in.command.(*instructions.EnvCommand); ok {
		for _, pair := range env.Env {
			all = append(all, pair.Key+"="+unquoted(pair.Value))
		}
	}
	return all
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

// mayBeVendored reports whether the context may hold the packages itself, or none are known to be needed.
func (x *Context) mayBeVendored(m *manager) bool {
	if x == nil {
		return false
	}
	for _, pattern := range vendored[m.name] {
		if found, _ := fs.Glob(x.Files, pattern); len(found) > 0 {
			return true
		}
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
