package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// named returns n builds, numbered from first.
func named(first, n int, settings BuildConfig) []BuildConfig {
	var builds []BuildConfig
	for i := range n {
		b := settings
		b.Name = fmt.Sprintf("build-%d", first+i)
		builds = append(builds, b)
	}
	return builds
}

// homes returns the stack of each build, in the only place of the configuration.
func homes(c *Config) map[string]string {
	c = c.WithDefaults()
	found := map[string]string{}
	p := c.places()[0]
	for _, g := range c.groups(p, c.stackCount(p)) {
		for _, b := range g.builds {
			found[b.Name] = g.stack
		}
	}
	return found
}

func number(n float64) *float64 { return &n }

func TestAChangeOfTheBuildsMovesNoOtherBuild(t *testing.T) {
	remove := func(builds []BuildConfig, from, to int) []BuildConfig {
		return slices.Delete(slices.Clone(builds), from, to)
	}
	hundred := named(0, 100, BuildConfig{})
	for name, c := range map[string]struct {
		stacks        *float64
		before, after []BuildConfig
	}{
		"60 builds in one stack become 61": {number(1), hundred[:60], hundred[:61]},
		"the 5th build is removed":         {number(16), hundred, remove(hundred, 4, 5)},
		"a build is added at the front":    {number(16), hundred, append(named(900, 1, BuildConfig{}), hundred...)},
		"the order is reversed": {number(16), hundred, func() []BuildConfig {
			reversed := slices.Clone(hundred)
			slices.Reverse(reversed)
			return reversed
		}()},
		"a build is renamed":                     {number(16), hundred, append(remove(hundred, 50, 51), named(950, 1, BuildConfig{})...)},
		"150 builds become 20":                   {number(16), named(0, 150, BuildConfig{}), named(130, 20, BuildConfig{})},
		"150 builds become 300, without the key": {nil, named(0, 150, BuildConfig{}), named(0, 300, BuildConfig{})},
		"100 builds become 150, which are in another stack": {
			number(1), hundred, append(slices.Clone(hundred), named(100, 50, BuildConfig{Stack: "more"})...),
		},
		"20 builds become 150, which are in another stack, without the key": {
			nil, hundred[:20], append(hundred[:20:20], named(20, 130, BuildConfig{Stack: "more"})...),
		},
		"the settings of a build change": {number(64), hundred, append(remove(hundred, 7, 8), named(7, 1, BuildConfig{App: "other", Schedule: "rate(1 day)"})...)},
	} {
		t.Run(name, func(t *testing.T) {
			before := homes(&Config{Stacks: c.stacks, Builds: c.before})
			after := homes(&Config{Stacks: c.stacks, Builds: c.after})
			require.Len(t, before, len(c.before))
			require.Len(t, after, len(c.after))
			for build, stack := range before {
				if now, there := after[build]; there {
					assert.Equal(t, stack, now, build)
				}
			}
		})
	}
}

// An update of a deployed NAME-build that no longer has its builds would delete their projects. So no stack of
// another number of stacks has the name of one that an earlier configuration can have deployed.
func TestAnotherNumberOfStacksHasOtherNames(t *testing.T) {
	config := &Config{Builds: named(0, 150, BuildConfig{}), Environments: []EnvironmentConfig{{Name: "dev"}, {Name: "prod"}}}
	config = config.WithDefaults()
	owner := map[string]string{}
	for _, p := range config.places() {
		for _, count := range []int{1, 2, 16, 64} {
			for _, g := range config.groups(p, count) {
				at := fmt.Sprintf("%s %d", p.suffix, count)
				if count > 1 && g.shared {
					assert.Empty(t, g.builds)
					assert.Equal(t, "layercache-shared"+strings.TrimPrefix(p.suffix, "-build"), g.stack)
					continue
				}
				assert.Empty(t, owner[g.stack], "%s of %s", g.stack, at)
				owner[g.stack] = at
			}
		}
	}
	assert.Equal(t, "-build-dev 1", owner["layercache-build-dev"])
	assert.Equal(t, "-build-prod 16", owner["layercache-build-prod-16of16"])
}

func TestTheNumberOfStacks(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		want   int
	}{
		"a few builds are in one":                     {Config{Builds: named(0, 20, BuildConfig{})}, 1},
		"150 builds are in 16":                        {Config{Builds: named(0, 150, BuildConfig{})}, 16},
		"1,000 builds are in 64":                      {Config{Builds: named(0, 1000, BuildConfig{})}, 64},
		"5,000 builds are in 256":                     {Config{Builds: named(0, 5000, BuildConfig{})}, 256},
		"the key decides, for few builds":             {Config{Stacks: number(7), Builds: named(0, 2, BuildConfig{})}, 7},
		"the key decides, for many builds":            {Config{Stacks: number(1), Builds: named(0, 150, BuildConfig{})}, 1},
		"builds with a stack of their own count none": {Config{Builds: append(named(0, 20, BuildConfig{}), named(20, 130, BuildConfig{Stack: "more"})...)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			config := c.config.WithDefaults()
			assert.Equal(t, c.want, config.stackCount(config.places()[0]))
		})
	}
}

// 42 builds of 12 resources are 504, of 5 they are 210.
func TestBuildsAreInOneStackIfTheirResourcesFit(t *testing.T) {
	inProjectOf(t)
	many := BuildConfig{Source: SourceConfig{GitHub: "acme/api"}, HelperZip: "helper.zip", Webhook: &WebhookConfig{}, Schedule: "rate(1 day)"}
	few := BuildConfig{Source: SourceConfig{Directory: "api"}, HelperZip: "helper.zip"}
	baked := BuildConfig{Source: SourceConfig{GitHub: "acme/api"}, HelperZip: "helper.zip", Bake: &BakeConfig{}}
	for i := range 30 {
		baked.Bake.Targets = append(baked.Bake.Targets, fmt.Sprintf("service-%d", i))
	}
	for name, c := range map[string]struct {
		build       BuildConfig
		count, want int
	}{
		"they fit": {few, 42, 1}, "they do not fit": {many, 42, 16},
		"the 30 images of a bake file fit": {baked, 1, 1}, "the outputs of 7 bake files do not fit": {baked, 7, 16},
	} {
		t.Run(name, func(t *testing.T) {
			config := (&Config{Builds: named(0, c.count, c.build)}).WithDefaults()
			require.Empty(t, config.Validate())
			assert.Equal(t, c.want, config.stackCount(config.places()[0]))
		})
	}
}

func inProjectOf(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("api", 0o700))
	for _, file := range []string{"api/Dockerfile", "helper.zip", "amd64.zip", "arm64.zip"} {
		require.NoError(t, os.WriteFile(file, []byte("FROM scratch\n"), 0o600))
	}
}

func TestExceeded(t *testing.T) {
	object := func(n int) map[string]string {
		entries := map[string]string{}
		for i := range n {
			entries[fmt.Sprint(i)] = ""
		}
		return entries
	}
	for name, c := range map[string]struct {
		resources, outputs, size int
		want                     string
	}{
		"everything that is allowed": {500, 200, 0, ""},
		"too many resources":         {501, 200, 0, "501 resources, and CloudFormation allows 500"},
		"too many outputs":           {500, 202, 0, "202 outputs, and CloudFormation allows 200"},
		"too many bytes":             {1, 1, 1 << 20, "1048624 bytes, and CloudFormation allows 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(map[string]any{"Resources": object(c.resources), "Outputs": object(c.outputs), "A": strings.Repeat("x", c.size)})
			require.NoError(t, err)
			path := t.TempDir() + "/template.json"
			require.NoError(t, os.WriteFile(path, text, 0o600))
			got, err := exceeded(path)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	_, err := exceeded("layout_test.go")
	assert.ErrorContains(t, err, "is not a template")
	_, err = exceeded("none.json")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestEveryProblemOfTheStacks(t *testing.T) {
	inProjectOf(t)
	const source = `,"source":{"directory":"api"},"helperZip":"helper.zip"`
	const places = `"cache":{"account":"111111111111","region":"eu-west-1"},"environments":[{"name":"a","account":"111111111111","region":"eu-west-1","tier":"dev"},
		{"name":"a-b","account":"222222222222","region":"eu-west-1","tier":"dev"}]`
	const overwrite = " too: each would overwrite the cache of the other; set another app for one of them"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a number of stacks that is none": {
			`{"stacks":0,"builds":[{"name":"api"` + source + `}]}`,
			[]string{"layercache.stacks: 0 is not a number of stacks; give a whole number from 1 to 1024"},
		},
		"a part of a stack": {
			`{"stacks":1.5,"builds":[{"name":"api"` + source + `}]}`,
			[]string{"layercache.stacks: 1.5 is not a number of stacks; give a whole number from 1 to 1024"},
		},
		"a name of a stack that is a number, as those of Stacks are": {
			`{"builds":[{"name":"api","stack":"1of16"` + source + `}]}`,
			[]string{`layercache.builds[0].stack: "1of16" has the wrong form; use lower-case letters and digits with single '-' between them, a letter first`},
		},
		"two environments with one stack": {
			`{` + places + `,"builds":[{"name":"api","stack":"b"` + source + `}]}`,
			[]string{"layercache.environments[1].name: its stack layercache-build-a-b is a stack of layercache.environments[0] too; give the environment or the stack of the build another name"},
		},
		"builds of one app, in one or several stacks": {
			`{"stacks":64,"builds":[{"name":"api"` + source + `},{"name":"web","app":"api"` + source + `},{"name":"job","app":"api","stack":"jobs"` + source + `}]}`,
			[]string{
				`layercache.builds[1].app: "api" is the app of builds[0]` + overwrite,
				`layercache.builds[2].app: "api" is the app of builds[0]` + overwrite,
			},
		},
		"builds of one app for two platforms and for one of them": {
			`{"builds":[{"name":"api","platforms":["linux/arm64","linux/amd64"],"source":{"directory":"api"},"helperZip":"{arch}.zip"},{"name":"arm","app":"api","architecture":"arm64"` + source + `}]}`,
			[]string{`layercache.builds[1].app: "api" is the app of builds[0]` + overwrite},
		},
		"builds of one app that do not write one cache": {
			`{"builds":[{"name":"api"` + source + `},{"name":"read","app":"api","cacheWrite":false` + source + `},{"name":"arm","app":"api","architecture":"arm64"` + source + `},
				{"name":"branch","app":"api","environment":{"LAYERCACHE_BRANCH":"other"}` + source + `}]}`,
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var value any
			require.NoError(t, json.Unmarshal([]byte(c.text), &value))
			_, problems := ReadConfig(value)
			var lines []string
			for _, p := range problems {
				lines = append(lines, p.String())
			}
			assert.Equal(t, c.want, lines)
		})
	}
}

// The largest of 16 and 64 stacks stays well below the limit with the default number of stacks.
func TestNamesSpreadEvenly(t *testing.T) {
	for builds, want := range map[int]int{150: 20, 1000: perStack} {
		config := (&Config{Builds: named(0, builds, BuildConfig{})}).WithDefaults()
		sizes := map[string]int{}
		for _, stack := range homes(config) {
			sizes[stack]++
		}
		assert.LessOrEqual(t, slices.Max(slices.Collect(maps.Values(sizes))), want, "%d builds", builds)
	}
}
