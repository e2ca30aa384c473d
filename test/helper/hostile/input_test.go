//go:build linux

package hostile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inputs are values that an attacker can choose who pushes to the repository, opens a pull request or starts
// a build.
var inputs = []struct {
	name   string
	given  func(p *project)
	expect func(p *project, o outcome)
}{
	{"a branch name", func(p *project) {
		p.env["LAYERCACHE_BRANCH"] = ""
		p.env["CODEBUILD_WEBHOOK_HEAD_REF"] = "refs/heads/" + hostile
		p.env["LAYERCACHE_TAGS"] = "latest,{branch}"
	}, func(p *project, o outcome) {
		p.succeeds(o)
		assert.Regexp(p.t, `/cache:shop--linux-[a-z0-9]+--hostile-touch-pwned[a-z0-9._-]+-[0-9a-f]{20}$`, o.Refs.Export)
		assert.Equal(p.t, "yes", o.Exported)
		assert.Len(p.t, p.tags(imageHost, "shop"), 2)
	}},
	{"a branch name of the maximum length of a variable", func(p *project) {
		p.env["LAYERCACHE_BRANCH"] = strings.Repeat(hostile, 100_000/len(hostile))
	}, func(p *project, o outcome) {
		p.succeeds(o)
		assert.Less(p.t, len(o.Refs.Export), 200)
		assert.Less(p.t, len(o.log), 10_000)
	}},
	{"build arguments, which reach the step unchanged", func(p *project) {
		arguments, err := json.Marshal(map[string]string{"TEXT": hostile, "FLAG": "--push", "DIR": "/a\n::b " + mark})
		require.NoError(p.t, err)
		p.env["LAYERCACHE_BUILD_ARGS"] = string(arguments)
		p.write("Dockerfile", "FROM "+base+"\nARG TEXT\nARG FLAG\nARG DIR\nWORKDIR $DIR\nRUN printf %s \"$TEXT\" > /text && printf %s \"$FLAG\" > /flag\n")
	}, func(p *project, o outcome) {
		p.succeeds(o)
		assert.Equal(p.t, hostile, p.file("text"))
		assert.Equal(p.t, "--push", p.file("flag"))
	}},
	{"output of a step, with NUL", func(p *project) {
		p.write("text", hostile+"\x00\n\x1b[31mred\n")
		p.write("Dockerfile", "FROM "+base+"\nCOPY text text\nRUN cat text && yes "+mark+" | head -c 10485760\n")
	}, func(p *project, o outcome) {
		p.succeeds(o)
		assert.Regexp(p.t, `(?m)^#\d+ [0-9.]+ .*\[Container\] 2026`, o.log, "the log must show it, after the step's number")
		assert.Contains(p.t, o.log, "\x1b[31mred\x1b[0m", "colours must stay")
		assert.Less(p.t, len(o.log), 5<<20, "BuildKit shows at most 2 MiB of a step")
	}},
	{"output of a step that fails", func(p *project) {
		p.write("text", hostile+"\n")
		p.write("Dockerfile", "FROM "+base+"\nCOPY text text\nRUN cat text; exit 7 # "+oneLine+"\n")
	}, func(p *project, o outcome) {
		assert.Equal(p.t, 1, o.exitCode)
		require.NotNil(p.t, o.Report, o.log)
		assert.Contains(p.t, o.log, "exit code: 7")
	}},
	{"instructions, comments and names in a Dockerfile", func(p *project) {
		p.write("Dockerfile", "# "+oneLine+"\nFROM "+base+" AS "+mark+"\nLABEL a=\""+strings.ReplaceAll(oneLine, `"`, "")+"\"\n"+
			"RUN : '"+strings.NewReplacer("'", "", "`", "", "$", "").Replace(oneLine)+"'\nRUN <<'END'\ncat > /text <<'IN'\n"+hostile+"\nIN\nEND\n")
	}, func(p *project, o outcome) {
		p.succeeds(o)
		assert.Contains(p.t, p.file("text"), "::add-mask::"+mark)
	}},
	{"an unknown instruction", func(p *project) {
		p.write("Dockerfile", "FROM "+base+"\n::stop-commands::"+oneLine+"\n")
	}, func(p *project, o outcome) { assert.Equal(p.t, 1, o.exitCode) }},
	{"an invalid base image", func(p *project) {
		p.write("Dockerfile", "FROM "+strings.ReplaceAll(oneLine, " ", "_")+"\n")
	}, func(p *project, o outcome) { assert.Equal(p.t, 1, o.exitCode) }},
	{"an instruction that is too long for an argument of a program", func(p *project) {
		p.write("Dockerfile", "FROM "+base+"\nRUN true \\\n"+strings.Repeat("  "+strings.Repeat("x", 60_000)+" \\\n", 5)+"  end\n")
	}, func(p *project, o outcome) {
		assert.Equal(p.t, 1, o.exitCode)
		require.NotNil(p.t, o.Report)
		assert.Less(p.t, len(o.log), 200_000, "the log must show only its beginning")
	}},
	{"a Dockerfile of ten megabytes", func(p *project) {
		p.write("Dockerfile", "FROM "+base+"\n"+strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", 10_000))
	}, func(p *project, o outcome) { assert.Less(p.t, len(o.log), 100_000) }},
	{"file names", func(p *project) {
		name := strings.NewReplacer("/", "_").Replace(hostile)[:200]
		p.write("files/"+name, "x")
		p.write("files/--push", "x")
		p.write("Dockerfile", "FROM "+base+"\nCOPY files files\nRUN ls files\n")
	}, func(p *project, o outcome) { p.succeeds(o) }},
	{"the paths of Dockerfile and context", func(p *project) {
		dir := "-x $(touch pwned);\n" + mark + "\u202e"
		p.env["LAYERCACHE_CONTEXT"], p.env["LAYERCACHE_DOCKERFILE"] = dir, dir+"/--push"
		p.write(dir+"/--push", "FROM "+base+"\nCOPY text text\n")
		p.write(dir+"/text", "hello\n")
	}, func(p *project, o outcome) {
		p.succeeds(o)
		assert.Equal(p.t, "hello\n", p.file("text"))
	}},
	{"a target in the form of a flag", func(p *project) {
		p.env["LAYERCACHE_PUSH"], p.env["LAYERCACHE_TARGET"] = "false", "--push"
	}, func(p *project, o outcome) {
		assert.Equal(p.t, 1, o.exitCode)
		assert.Contains(p.t, o.log, `target stage "--push" could not be found`)
		assert.Empty(p.t, p.tags(imageHost, "shop"))
	}},
	{"a context in the form of a flag", func(p *project) {
		p.env["LAYERCACHE_PUSH"], p.env["LAYERCACHE_CONTEXT"] = "false", "--push"
	}, func(p *project, o outcome) {
		assert.Equal(p.t, 1, o.exitCode)
		assert.Empty(p.t, p.tags(imageHost, "shop"))
	}},
	{"invalid settings", func(p *project) {
		for _, variable := range []string{"LAYERCACHE_IMAGE", "LAYERCACHE_TAGS", "LAYERCACHE_MODE", "LAYERCACHE_REPOSITORY", "LAYERCACHE_MIRRORS",
			"LAYERCACHE_BUILD_ARGS", "LAYERCACHE_SECRETS", "LAYERCACHE_ARGS", "LAYERCACHE_REPOSITORY_ROLE", "LAYERCACHE_S3", "LAYERCACHE_PARALLELISM"} {
			p.env[variable] = hostile
		}
	}, func(p *project, o outcome) {
		assert.Equal(p.t, 1, o.exitCode)
		assert.Contains(p.t, o.log, "LAYERCACHE_IMAGE")
	}},
	{"a platform and an app", func(p *project) {
		p.env["LAYERCACHE_APP"], p.env["LAYERCACHE_PLATFORMS"] = hostile, strings.ReplaceAll(hostile, ",", "")
	}, func(p *project, o outcome) { assert.Equal(p.t, 1, o.exitCode) }},
}

func TestHostileTextStaysText(t *testing.T) {
	for _, input := range inputs {
		t.Run(input.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			input.given(p)
			got := p.image()
			input.expect(p, got)
			p.harmless(got)
		})
	}
}

// file returns the content of a file in the pushed image.
func (p *project) file(name string) string {
	p.t.Helper()
	flat := mutate.Extract(p.pulled(imageHost, "shop", "latest"))
	defer flat.Close()
	content, found := fileIn(flat, name)
	require.True(p.t, found, name)
	return content
}

// tags returns the tags of a repository.
func (p *project) tags(host, repository string) []string {
	tags := slices.Clone(p.manifests(host, repository))
	return slices.DeleteFunc(tags, func(reference string) bool { return strings.Contains(reference, ":") })
}
