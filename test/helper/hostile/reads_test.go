//go:build linux

package hostile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allowingPolicy allows every source, refusingPolicy only the context.
const (
	allowingPolicy = "package docker\n\ndefault allow := true\n\ndecision := {\"allow\": allow}\n"
	refusingPolicy = "package docker\n\ndefault allow := false\n\nallow if input.local\n\ndecision := {\"allow\": allow}\n"
)

// plants are replacements that an attacker can put in the place of a file that buildx or BuildKit read
// without being asked.
var plants = []struct {
	name  string
	plant func(p *project, path string)
}{
	{"a symlink to the environment of the reading process", func(p *project, path string) { p.plantLink("/proc/self/environ", path) }},
	{"a symlink to an endless device", func(p *project, path string) { p.plantLink("/dev/zero", path) }},
	{"a symlink to a terminal, which never ends", func(p *project, path string) {
		terminal := filepath.Join(p.root, "terminal")
		require.NoError(p.t, syscall.Mkfifo(terminal, 0o600))
		p.plantLink(terminal, path)
	}},
	{"a symlink to a file above", func(p *project, path string) {
		p.writeFile(filepath.Join(p.root, "outside", "secret"), outsideText)
		relative, err := filepath.Rel(filepath.Dir(path), filepath.Join(p.root, "outside", "secret"))
		require.NoError(p.t, err)
		p.plantLink(relative, path)
	}},
	{"a symlink through a folder outside", func(p *project, path string) {
		p.writeFile(filepath.Join(p.root, "outside", "secret"), outsideText)
		p.plantLink("../outside", filepath.Join(p.dir, "folder"))
		relative, err := filepath.Rel(filepath.Dir(path), filepath.Join(p.dir, "folder", "secret"))
		require.NoError(p.t, err)
		p.plantLink(relative, path)
	}},
	{"a file of a terabyte", func(p *project, path string) {
		p.writeFile(path, "")
		require.NoError(p.t, os.Truncate(path, 1<<40))
	}},
	{"a pipe", func(p *project, path string) { require.NoError(p.t, syscall.Mkfifo(path, 0o600)) }},
	{"a folder", func(p *project, path string) { require.NoError(p.t, os.Mkdir(path, 0o755)) }},
}

func (p *project) plantLink(target, path string) {
	p.t.Helper()
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(p.t, os.Symlink(target, path))
}

// read are the files that buildx and BuildKit read without being asked.
var read = []struct {
	name, file string
	// given prepares the project for the file.
	given func(p *project)
	// ignored reports whether a plant counts as a missing file. All other plants are refused.
	ignored func(plant string) bool
}{
	{"the Dockerfile", "Dockerfile", func(p *project) { require.NoError(p.t, os.Remove(filepath.Join(p.dir, "Dockerfile"))) }, none},
	{"the Dockerfile in lower case", "dockerfile", func(p *project) { require.NoError(p.t, os.Remove(filepath.Join(p.dir, "Dockerfile"))) }, none},
	{"the ignore file", ".dockerignore", func(*project) {}, links},
	{"the Dockerfile's ignore file", "Dockerfile.dockerignore", func(*project) {}, links},
	{"the policy", "Dockerfile.rego", func(*project) {}, none},
	{"the policy of a Dockerfile in lower case", "dockerfile.rego", func(p *project) {
		require.NoError(p.t, os.Rename(filepath.Join(p.dir, "Dockerfile"), filepath.Join(p.dir, "dockerfile")))
	}, none},
	{"the policy of a Dockerfile in another folder", "docker/app.rego", func(p *project) {
		p.write("docker/app", "FROM "+base+"\nCOPY text text\n")
		p.env["LAYERCACHE_DOCKERFILE"] = "docker/app"
	}, none},
	{"an import of the policy", "lib/rules.rego", func(p *project) {
		p.write("lib/keep", "")
		p.write("Dockerfile.rego", strings.Replace(allowingPolicy, "\n\n", "\n\nimport data.lib.rules\n\n", 1)+"\nrules_loaded if rules.loaded\n")
	}, func(plant string) bool { return links(plant) || plant == "a folder" }},
	{"a policy that the arguments name", "rules/policy.rego", func(p *project) {
		p.write("rules/keep", "")
		p.env["LAYERCACHE_ARGS"] = `["--policy=filename=rules/policy.rego"]`
	}, links},
}

func none(string) bool { return false }

func links(plant string) bool { return strings.HasPrefix(plant, "a symlink") }

func TestOnlyFilesOfTheSourceAreReadImplicitly(t *testing.T) {
	for _, file := range read {
		for _, plant := range plants {
			t.Run(file.name+" is "+plant.name, func(t *testing.T) {
				t.Parallel()
				p := newProject(t)
				p.env["NPM_TOKEN"] = buildSecret
				file.given(p)
				plant.plant(p, filepath.Join(p.dir, file.file))
				got := p.image()
				if !file.ignored(plant.name) {
					assert.Equal(t, 1, got.exitCode, "%.3000s", got.log)
					assert.Contains(t, got.log, file.file)
					assert.Regexp(t, `: (replace it with a small regular file|buildx would read it as a policy of the build)`, got.log)
					assert.Less(t, strings.Count(got.log, "\n"), 4, "the helper must refuse the file before anything is read:\n%.3000s", got.log)
				}
				p.absent(p.places(got), append(p.everySecret(), outsideText)...)
				p.nothingRan()
			})
		}
	}
}

// A policy that is a file of the source belongs to the user and must take effect.
func TestAPolicyOfTheSourceHolds(t *testing.T) {
	for _, c := range []struct {
		name     string
		given    func(p *project)
		exitCode int
	}{
		{"a policy that allows", func(p *project) { p.write("Dockerfile.rego", allowingPolicy) }, 0},
		{"a policy that refuses the base image", func(p *project) { p.write("Dockerfile.rego", refusingPolicy) }, 1},
		{"a symlink to another file of the source", func(p *project) {
			p.write("policies/image.rego", refusingPolicy)
			p.plantLink("policies/image.rego", filepath.Join(p.dir, "Dockerfile.rego"))
		}, 1},
		{"a symlink from the Dockerfile's folder to another folder of the source", func(p *project) {
			p.write("policies/image.rego", refusingPolicy)
			p.write("docker/app", "FROM "+base+"\nCOPY text text\n")
			p.plantLink("../policies/image.rego", filepath.Join(p.dir, "docker", "app.rego"))
			p.env["LAYERCACHE_DOCKERFILE"] = "docker/app"
		}, 1},
		{"a policy in the arguments", func(p *project) {
			p.write("policies/image.rego", refusingPolicy)
			p.env["LAYERCACHE_ARGS"] = `["--policy=filename=policies/image.rego"]`
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			c.given(p)
			got := p.image()
			assert.Equal(t, c.exitCode, got.exitCode, "%.3000s", got.log)
			if c.exitCode != 0 {
				assert.Contains(t, got.log, "not allowed by policy")
			}
		})
	}
}

// named are paths in the project's settings that are symlinks in the source.
var named = []struct {
	name      string
	arguments []string
	// link is the path of the symlink. target is what it points to, relative to the folder outside.
	link, target string
}{
	{"the file of a secret", []string{"--secret=id=npm,src=npmrc"}, "npmrc", "secret"},
	{"a secret without a file, whose variable is not set", []string{"--secret=id=NOT_SET"}, "NOT_SET", "secret"},
	{"a named context", []string{"--build-context=lib=lib"}, "lib", "."},
	{"a named context as an OCI layout", []string{"--build-context=lib=oci-layout://lib:latest"}, "lib", "."},
	{"the folder of an output", []string{"--output=type=local,dest=out"}, "out", "."},
	{"the folder of an output below a symlink", []string{"--output=out/deeper"}, "out", "."},
	{"the file of an output, which does not exist yet", []string{"--output=type=tar,dest=image.tar"}, "image.tar", "new"},
	{"the image ID file", []string{"--iidfile=id"}, "id", "secret"},
	{"the metadata file", []string{"--metadata-file=meta/file"}, "meta", "."},
	{"an SSH key", []string{"--ssh=default=key"}, "key", "secret"},
	{"a local cache", []string{"--cache-to=type=local,dest=cache"}, "cache", "."},
	{"the folder of the setting LAYERCACHE_LOCAL_DIR", nil, "local", "."},
}

func TestAPathInTheSettingsMustStayInTheSource(t *testing.T) {
	for _, c := range named {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			outside := filepath.Join(p.root, "outside")
			p.writeFile(filepath.Join(outside, "secret"), outsideText)
			p.plantLink(filepath.Join("../outside", c.target), filepath.Join(p.dir, c.link))
			p.write("Dockerfile", "FROM "+base+"\nRUN --mount=type=secret,id=npm --mount=type=secret,id=NOT_SET cat /run/secrets/*; true\n")
			if c.arguments == nil {
				p.env["LAYERCACHE_MODE"], p.env["LAYERCACHE_LOCAL_DIR"] = "local", c.link
			}
			got := p.run(append(append([]string{"build"}, c.arguments...), ".")...)
			assert.Equal(t, 1, got.exitCode, "%.3000s", got.log)
			assert.Contains(t, got.log, "link that leads out of the working directory")
			entries, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Len(t, entries, 1, "nothing may be written there")
			content, err := os.ReadFile(filepath.Join(outside, "secret"))
			require.NoError(t, err)
			assert.Equal(t, outsideText, string(content))
			p.absent(p.places(got), outsideText)
		})
	}
}
