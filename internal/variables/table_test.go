package variables

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryVariableIsComplete(t *testing.T) {
	flags := map[string]string{}
	for _, v := range table {
		t.Run(v.Name, func(t *testing.T) {
			assert.Regexp(t, `^LAYERCACHE_[A-Z0-9_]+$`, v.Name)
			assert.NotEmpty(t, v.Help)
			assert.NotEmpty(t, v.Form.Name)
			assert.NotEmpty(t, v.Commands)
			assert.True(t, (v.Default == "") != (v.Unset == ""), "either a default or a description of what happens without a value")
			_, wrong := v.Form.parse(v.Default)
			assert.Empty(t, wrong, "the default")
			assert.Empty(t, flags[v.Flag()], "two variables have one flag")
			flags[v.Flag()] = v.Name
		})
	}
}

// exported are the variables that a build exports. No command reads them.
var exported = []string{"VERDICT", "HIT_RATIO", "EXPORTED", "SAVED_SECONDS", "WORTH", "SECONDS", "IMAGE_DIGEST"}

// inherited are the variables that layercache sets for itself in the programs that it starts. Users do not set them.
var inherited = []string{"DOCKER_PASSED"}

func TestEveryVariableInTheSourceIsInTheTable(t *testing.T) {
	known := map[string]bool{"LAYERCACHE_": true, SecretPrefix: true, "LAYERCACHE_SECRET": true}
	for _, v := range table {
		known[v.Name] = true
	}
	for _, name := range slices.Concat(exported, inherited) {
		known[Prefix+name] = true
	}
	variable := regexp.MustCompile(`LAYERCACHE_[A-Z0-9_]*`)
	for _, folder := range []string{"bin", "buildspecs", "constructs", "internal", "stacks"} {
		err := filepath.WalkDir(filepath.Join("../..", folder), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			content, err := os.ReadFile(path)
			for _, name := range variable.FindAllString(string(content), -1) {
				assert.True(t, known[name], "%s contains %s, which is not in the table", path, name)
			}
			return err
		})
		require.NoError(t, err)
	}
}

func TestAWrongValueReadsAsTheDefaultAndIsAProblem(t *testing.T) {
	values, problems := Read(from(map[string]string{"LAYERCACHE_WRITE": "maybe", "LAYERCACHE_CACHE_TIMEOUT": "soon"}), Build.Variables())
	assert.True(t, values.Boolean("LAYERCACHE_WRITE"))
	assert.Equal(t, DefaultCacheTimeout, values.Duration("LAYERCACHE_CACHE_TIMEOUT"))
	assert.Equal(t, Problems{
		{"LAYERCACHE_WRITE", `is "maybe": expected true or false`},
		{"LAYERCACHE_CACHE_TIMEOUT", `is "soon": expected a duration such as 10s`},
	}, problems)
}
