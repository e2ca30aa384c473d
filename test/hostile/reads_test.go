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

// allowing is a policy that allows every source, refusingPolicy one that allows none but the context.
const (
	allowing       = "package docker\n\ndefault allow := true\n\ndecision := {\"allow\": allow}\n"
	refusingPolicy = "package docker\n\ndefault allow := false\n\nallow if input.local\n\ndecision := {\"allow\": allow}\n"
)

// plants are what somebody who writes the source can have in the place of a file that is read by itself, and in that of a file
// of the machine, which the source links to.
var plants = []struct {
	name  string
	plant func(p *project, path string)
}{
	{"a link to the variables of the process that reads it", func(p *project, path string) { p.plantLink("/proc/self/environ", path) }},
	{"a link to an endless device", func(p *project, path string) { p.plantLink("/dev/zero", path) }},
	{"a link to a terminal, which never ends", func(p *project, path string) {
		terminal := filepath.Join(p.root, "terminal")
		require.NoError(p.t, syscall.Mkfifo(terminal, 0o600))
		p.plantLink(terminal, path)
	}},
	{"a link upwards", func(p *project, path string) {
		p.writeFile(filepath.Join(p.root, "outside", "secret"), outsideText)
		relative, err := filepath.Rel(filepath.Dir(path), filepath.Join(p.root, "outside", "secret"))
		require.NoError(p.t, err)
		p.plantLink(relative, path)
	}},
	{"a link by a folder outside", func(p *project, path string) {
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

// read are the files that buildx and BuildKit read by themselves.
var read = []struct {
	name, file string
	// given makes what leads to the file.
	given func(p *project)
	// ignored are the plants that are as good as no file; every other one is refused.
	ignored func(plant string) bool
}{
	{"the Dockerfile", "Dockerfile", func(p *project) { require.NoError(p.t, os.Remove(filepath.Join(p.dir, "Dockerfile"))) }, none},
	{"the Dockerfile in small letters", "dockerfile", func(p *project) { require.NoError(p.t, os.Remove(filepath.Join(p.dir, "Dockerfile"))) }, none},
	{"the ignore file", ".dockerignore", func(*project) {}, links},
	{"the Dockerfile's ignore file", "Dockerfile.dockerignore", func(*project) {}, links},
	{"the policy", "Dockerfile.rego", func(*project) {}, none},
	{"the policy of a Dockerfile in small letters", "dockerfile.rego", func(p *project) {
		require.NoError(p.t, os.Rename(filepath.Join(p.dir, "Dockerfile"), filepath.Join(p.dir, "dockerfile")))
	}, none},
	{"the policy of a Dockerfile elsewhere", "docker/app.rego", func(p *project) {
		p.write("docker/app", "FROM "+base+"\nCOPY text text\n")
		p.env["LAYERCACHE_DOCKERFILE"] = "docker/app"
	}, none},
	{"what the policy imports", "lib/rules.rego", func(p *project) {
		p.write("lib/keep", "")
		p.write("Dockerfile.rego", strings.Replace(allowing, "\n\n", "\n\nimport data.lib.rules\n\n", 1)+"\nrules_loaded if rules.loaded\n")
	}, func(plant string) bool { return links(plant) || plant == "a folder" }},
	{"a policy that the arguments name", "rules/policy.rego", func(p *project) {
		p.write("rules/keep", "")
		p.env["LAYERCACHE_ARGS"] = `["--policy=filename=rules/policy.rego"]`
	}, links},
}

func none(string) bool { return false }

func links(plant string) bool { return strings.HasPrefix(plant, "a link") }

func TestWhatIsReadByItselfIsAFileOfTheSource(t *testing.T) {
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
					assert.Less(t, strings.Count(got.log, "\n"), 4, "it is said before anything is read:\n%.3000s", got.log)
				}
				p.absent(p.places(got), append(p.everySecret(), outsideText)...)
				p.nothingRan()
			})
		}
	}
}

// A policy that is a file of the source is the user's, and holds.
func TestAPolicyOfTheSourceHolds(t *testing.T) {
	for _, c := range []struct {
		name     string
		given    func(p *project)
		exitCode int
	}{
		{"one that allows", func(p *project) { p.write("Dockerfile.rego", allowing) }, 0},
		{"one that refuses the base image", func(p *project) { p.write("Dockerfile.rego", refusingPolicy) }, 1},
		{"a link to another file of the source", func(p *project) {
			p.write("policies/image.rego", refusingPolicy)
			p.plantLink("policies/image.rego", filepath.Join(p.dir, "Dockerfile.rego"))
		}, 1},
		{"a link out of the Dockerfile's folder to another of the source", func(p *project) {
			p.write("policies/image.rego", refusingPolicy)
			p.write("docker/app", "FROM "+base+"\nCOPY text text\n")
			p.plantLink("../policies/image.rego", filepath.Join(p.dir, "docker", "app.rego"))
			p.env["LAYERCACHE_DOCKERFILE"] = "docker/app"
		}, 1},
		{"one that the arguments name", func(p *project) {
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

// named are paths that the project's settings name, and that the source makes a link to something else.
var named = []struct {
	name      string
	arguments []string
	// link is the path that is a link, target where it leads: a file or a folder below the one outside.
	link, target string
}{
	{"a secret's file", []string{"--secret=id=npm,src=npmrc"}, "npmrc", "secret"},
	{"a secret without a file, whose variable is not set", []string{"--secret=id=NOT_SET"}, "NOT_SET", "secret"},
	{"a named context", []string{"--build-context=lib=lib"}, "lib", "."},
	{"a named context as an OCI layout", []string{"--build-context=lib=oci-layout://lib:latest"}, "lib", "."},
	{"the folder of an output", []string{"--output=type=local,dest=out"}, "out", "."},
	{"the folder of an output below a link", []string{"--output=out/deeper"}, "out", "."},
	{"the file of an output, which is not there yet", []string{"--output=type=tar,dest=image.tar"}, "image.tar", "new"},
	{"the file of an image's id", []string{"--iidfile=id"}, "id", "secret"},
	{"the metadata file", []string{"--metadata-file=meta/file"}, "meta", "."},
	{"a key", []string{"--ssh=default=key"}, "key", "secret"},
	{"a local cache", []string{"--cache-to=type=local,dest=cache"}, "cache", "."},
	{"the folder of the setting LAYERCACHE_LOCAL_DIR", nil, "local", "."},
}

func TestAPathThatTheSettingsNameStaysInTheSource(t *testing.T) {
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
			require.Len(t, entries, 1, "nothing was written there")
			content, err := os.ReadFile(filepath.Join(outside, "secret"))
			require.NoError(t, err)
			assert.Equal(t, outsideText, string(content))
			p.absent(p.places(got), outsideText)
		})
	}
}
