// Package consumer is somebody else's Go module: it follows the README, with this module replaced by a
// checkout and with a plain require.
package consumer

import (
	"archive/zip"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/bundle/packed"
	"github.com/layercache/layercache/test/kit/checkout"
	"github.com/layercache/layercache/test/kit/template"
)

const modulePath = "github.com/layercache/layercache"

// project creates a module with the README's program, the folder shop that it builds, and the CDK CLI of the
// checkout.
func project(t *testing.T, goMod string) (dir string) {
	t.Helper()
	root := checkout.Dir()
	require.FileExists(t, filepath.Join(root, "node_modules/.bin/cdk"), "the CDK CLI is missing: run the tests with `make test`, or `npm ci`")
	dir = t.TempDir()
	for name, content := range map[string]string{
		"shop/Dockerfile": "FROM scratch\n",
		"go.mod":          "module example.com/platform\n\ngo 1.26.3\n\n" + goMod,
		"main.go":         program(t),
		"cdk.json":        `{"app":"go run ."}`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	require.NoError(t, os.Symlink(filepath.Join(root, "node_modules"), filepath.Join(dir, "node_modules")))
	return dir
}

func run(t *testing.T, dir string, environment []string, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS="), environment...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), output)
	return string(output)
}

// withoutTemplateCheck turns off the CDK's own validation of templates, which takes seconds per synth;
// test/constructs/app runs it.
const withoutTemplateCheck = "CDK_VALIDATION=false"

func TestAModuleWithAReplaceDirectiveSynthesizesTheReadmesStack(t *testing.T) {
	for name, cdk := range ends(t) {
		t.Run(name, func(t *testing.T) {
			dir := project(t, fmt.Sprintf("require %s v0.0.0\n\nreplace %s => %s\n", modulePath, modulePath, checkout.Dir()))
			run(t, dir, nil, "go", append([]string{"get"}, cdk.queries()...)...)
			run(t, dir, nil, "go", "mod", "tidy")
			assert.Equal(t, cdk, chosen(t, dir, nil))
			run(t, dir, []string{withoutTemplateCheck}, "npx", "--no-install", "cdk", "synth", "--quiet")
			checkAssembly(t, filepath.Join(dir, "cdk.out"))
		})
	}
}

func TestAModuleThatRequiresThisOneSynthesizesTheReadmesStack(t *testing.T) {
	proxy, version := serve(t)
	for name, cdk := range ends(t) {
		t.Run(name, func(t *testing.T) {
			dir := project(t, "")
			run(t, dir, proxy, "go", append([]string{"get", modulePath + "@" + version}, cdk.queries()...)...)
			run(t, dir, proxy, "go", "mod", "tidy")
			assert.Equal(t, cdk, chosen(t, dir, proxy))
			run(t, dir, append(proxy, withoutTemplateCheck), "npx", "--no-install", "cdk", "synth", "--quiet")
			checkAssembly(t, filepath.Join(dir, "cdk.out"))

			source := strings.TrimSpace(run(t, dir, proxy, "go", "list", "-m", "-f", "{{.Dir}}", modulePath))
			modules := strings.TrimSpace(run(t, dir, proxy, "go", "env", "GOMODCACHE"))
			assert.Equal(t, filepath.Join(modules, modulePath+"@"+version), source)
			run(t, dir, proxy, "go", "mod", "verify")
		})
	}
}

// checkAssembly checks the template against the README: the project, its permissions, and the helper as a
// source that CodeBuild unpacks.
func checkAssembly(t *testing.T, assembly string) {
	t.Helper()
	app, err := template.Load(assembly)
	require.NoError(t, err)
	projects, err := app.Projects()
	require.NoError(t, err)
	require.Len(t, projects, 1)
	p := projects[0]

	assert.True(t, p.Privileged)
	assert.Contains(t, p.BuildSpec, "layercache ")
	assert.Contains(t, p.Value("LAYERCACHE_REPOSITORY"), ".dkr.ecr.")
	assert.Contains(t, p.Value("LAYERCACHE_IMAGE"), ".dkr.ecr.")
	assert.Contains(t, p.Value("LAYERCACHE_MIRRORS"), "public.ecr.aws=")
	assert.FileExists(t, filepath.Join(p.Source.Path, "Dockerfile"))

	require.Len(t, p.SecondarySources, 1)
	assert.Equal(t, "layercache", p.SecondarySources[0].Identifier)
	checkHelper(t, p.SecondarySources[0].Path)

	grants := strings.Join(policies(t, assembly), "\n")
	for _, resource := range []string{"Cache", "ShopImage"} {
		assert.Regexp(t, `ecr:BatchGetImage .*ecr:PutImage on \$\{`+resource+`\w+\.Arn\}`, grants)
	}
	assert.Regexp(t, `ecr:BatchImportUpstreamImage .*repository/ecr-public/\*`, grants)
	assert.Contains(t, grants, "logs:PutLogEvents")
	assert.Contains(t, grants, "s3:GetObject")
	assert.NotRegexp(t, `(?m) on \*$`, strings.ReplaceAll(grants, "ecr:GetAuthorizationToken on *", ""))
}

// checkHelper checks that the zip has both programs, compiled for amd64 and executable after CodeBuild
// unpacks them.
func checkHelper(t *testing.T, path string) {
	t.Helper()
	archive, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer archive.Close()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, archive))
	modes := map[string]os.FileMode{}
	for _, file := range archive.File {
		modes[file.Name] = file.Mode()
	}
	assert.Equal(t, map[string]os.FileMode{"layercache": 0o755, "buildkitd.zst": 0o755}, modes)
	require.NoError(t, packed.Unpack(filepath.Join(dir, "buildkitd.zst"), filepath.Join(dir, "buildkitd")))
	for _, program := range []string{"layercache", "buildkitd"} {
		binary, err := elf.Open(filepath.Join(dir, program))
		require.NoError(t, err, program)
		assert.Equal(t, elf.EM_X86_64, binary.Machine, program)
		require.NoError(t, binary.Close())
	}
}
