package consumer

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/layercache/layercache/test/kit/checkout"
)

// cdk maps each module of the CDK to its version.
type cdk map[string]string

// queries returns the arguments for `go get` that select the versions.
func (c cdk) queries() []string {
	var queries []string
	for _, module := range slices.Sorted(maps.Keys(c)) {
		queries = append(queries, module+"@"+c[module])
	}
	return queries
}

// ends returns the oldest and the newest supported CDK: go.mod requires the oldest, and test/prepare.sh finds
// the newest.
func ends(t *testing.T) map[string]cdk {
	t.Helper()
	lines, err := fs.ReadFile(checkout.FS(), "dist/newest-cdk")
	require.NoError(t, err, "the newest CDK is unknown: run the tests with `make test`, or run test/prepare.sh test first")
	required := requirements(t, "go.mod")

	oldest, newest := cdk{}, cdk{}
	for _, line := range strings.Fields(string(lines)) {
		module, version, _ := strings.Cut(line, "@")
		newest[module] = version
		require.Contains(t, required, module, "modules that go.mod requires")
		oldest[module] = required[module]
		require.GreaterOrEqual(t, semver.Compare(version, oldest[module]), 0, "no version of %s can be downloaded that is as new as go.mod's %s", module, oldest[module])
	}
	require.NotEmpty(t, newest)
	return map[string]cdk{"with the oldest CDK": oldest, "with the newest CDK": newest}
}

// requirements returns the versions that a go.mod requires, by module.
func requirements(t *testing.T, goMod string) map[string]string {
	t.Helper()
	text, err := fs.ReadFile(checkout.FS(), goMod)
	require.NoError(t, err)
	file, err := modfile.Parse(goMod, text, nil)
	require.NoError(t, err)
	versions := map[string]string{}
	for _, required := range file.Require {
		versions[required.Mod.Path] = required.Mod.Version
	}
	return versions
}

// chosen returns the versions that the module in dir builds with.
func chosen(t *testing.T, dir string, environment []string, flags ...string) cdk {
	t.Helper()
	versions := cdk{}
	for module := range ends(t)["with the oldest CDK"] {
		args := append(append([]string{"list"}, flags...), "-m", "-f", "{{.Version}}", module)
		versions[module] = strings.TrimSpace(run(t, dir, environment, "go", args...))
	}
	return versions
}

// TestConstructsAndAppWithTheNewestCDK compiles everything that imports the CDK, with its tests, and runs the
// tests that compare whole templates and warnings.
func TestConstructsAndAppWithTheNewestCDK(t *testing.T) {
	newest := ends(t)["with the newest CDK"]
	for module, packages := range map[string][]string{
		".":    {"./constructs/...", "./stacks/...", "./bin/app/..."},
		"test": {"./constructs/examples/..."},
	} {
		dir := t.TempDir()
		for _, name := range []string{"go.mod", "go.sum"} {
			text, err := fs.ReadFile(checkout.FS(), path.Join(module, name))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
		}
		useModfile := "-modfile=" + filepath.Join(dir, "go.mod")
		folder := checkout.Path(module)
		run(t, folder, nil, "go", append([]string{"get", useModfile}, newest.queries()...)...)
		assert.Equal(t, newest, chosen(t, folder, nil, useModfile))
		run(t, folder, nil, "go", append([]string{"test", useModfile, "-vet=off", "-timeout=0"}, packages...)...)
	}
}

func TestReadmeNamesTheSupportedCDKs(t *testing.T) {
	const awscdk = "github.com/aws/aws-cdk-go/awscdk/v2"
	readme, err := fs.ReadFile(checkout.FS(), "README.md")
	require.NoError(t, err)
	oldest := requirements(t, "go.mod")[awscdk]
	newest := requirements(t, "test/constructs/nag/go.mod")[awscdk]
	assert.Contains(t, string(readme), "awscdk "+oldest+" to "+newest)
}
