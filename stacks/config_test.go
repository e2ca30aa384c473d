package stacks_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// inProject changes to a new directory with a service to build and a helper.
func inProject(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll(filepath.Join("api", "docker"), 0o700))
	for _, name := range []string{"api/Dockerfile", "api/docker/Dockerfile", "helper.zip"} {
		require.NoError(t, os.WriteFile(name, []byte("FROM scratch\n"), 0o600))
	}
}

// read reads a configuration as the CDK hands it over.
func read(t *testing.T, text string) (*stacks.Config, []string) {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value))
	config, problems := stacks.ReadConfig(value)
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return config, lines
}

func TestReadConfig(t *testing.T) {
	const knownOfBuild = "name, source, app, dockerfile, context, tag, fallbackBranch, cacheWrite, architecture, computeType, timeoutMinutes, logRetentionDays, environment, helperZip"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"one build with a name and a source is enough": {
			`{"builds":[{"name":"api","source":{"directory":"api"}}]}`,
			nil,
		},
		"every key can be given": {
			`{"name":"team","cache":{"account":"111111111111","region":"eu-central-1"},"build":{"account":"222222222222","region":"us-gov-west-1"},
			 "pullThrough":{"enabled":true,"prefixes":{"quay":"base/quay"}},
			 "builds":[{"name":"api","source":{"directory":"api"},"app":"api","dockerfile":"docker/Dockerfile","context":"docker","tag":"v1","fallbackBranch":"trunk",
			  "cacheWrite":false,"architecture":"arm64","computeType":"LARGE","timeoutMinutes":20,"logRetentionDays":7,"environment":{"A":"b"},"helperZip":"helper.zip"}]}`,
			nil,
		},
		"nothing at all": {
			`null`,
			[]string{`layercache: is missing in the context of cdk.json; give it a value with at least "builds"`},
		},
		"text instead of an object": {
			`"api"`,
			[]string{`layercache: "api" has the wrong type; write an object in braces`},
		},
		"no builds": {
			`{}`,
			[]string{"layercache.builds: is empty; list at least one image to build"},
		},
		"unknown keys at every level": {
			`{"nam":"x","cache":{"acount":"1"},"builds":[{"name":"api","tags":["a"],"source":{"directory":"api","git":"x"}}]}`,
			[]string{
				"layercache.builds[0].source.git: is an unknown key; remove it or use one of directory",
				"layercache.builds[0].tags: is an unknown key; remove it or use one of " + knownOfBuild,
				"layercache.cache.acount: is an unknown key; remove it or use one of account, region",
				"layercache.nam: is an unknown key; remove it or use one of name, cache, build, pullThrough, builds",
			},
		},
		"values of the wrong type, each told once": {
			`{"name":7,"cache":{"account":111111111111},"build":{"account":"222222222222"},"pullThrough":{"enabled":"yes","prefixes":{"quay":1}},
			  "builds":[{"name":"api","source":"api","timeoutMinutes":"20","cacheWrite":0,"environment":{"A":1}},7,null]}`,
			[]string{
				`layercache.builds[0].cacheWrite: 0 has the wrong type; write true or false`,
				`layercache.builds[0].environment.A: 1 has the wrong type; write a string in quotes`,
				`layercache.builds[0].source: "api" has the wrong type; write an object in braces`,
				`layercache.builds[0].timeoutMinutes: "20" has the wrong type; write a number`,
				`layercache.builds[1]: 7 has the wrong type; write an object in braces`,
				`layercache.builds[2]: null has the wrong type; write an object in braces`,
				`layercache.cache.account: 111111111111 has the wrong type; write a string in quotes`,
				`layercache.name: 7 has the wrong type; write a string in quotes`,
				`layercache.pullThrough.enabled: "yes" has the wrong type; write true or false`,
				`layercache.pullThrough.prefixes.quay: 1 has the wrong type; write a string in quotes`,
			},
		},
		"problems of several kinds, all at once": {
			`{"name":"Team","cache":{"account":"1234","region":"europe"},"build":{"region":"eu-west-1"},
			  "pullThrough":{"prefixes":{"docker-hub":"hub","quay":"Q"}},
			  "builds":[{"name":"cache","source":{"directory":"nowhere"},"tag":":","timeoutMinutes":1,"environment":{"LAYERCACHE_TAG":"x"}},
			            {"name":"api","source":{}},
			            {"name":"api","source":{"directory":"api"},"dockerfile":"../Dockerfile","context":"web","architecture":"mips","computeType":"HUGE","logRetentionDays":2,"helperZip":"none.zip"}]}`,
			[]string{
				`layercache.name: "Team" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first`,
				`layercache.cache.account: "1234" has the wrong form; give the 12 digits of an account, in quotes`,
				`layercache.build.account: is missing, while the other side has one; give both, or neither to deploy where the CDK CLI points to`,
				`layercache.cache.region: "europe" has the wrong form; give a region, such as eu-central-1`,
				`layercache.pullThrough.prefixes.docker-hub: is not a registry that can be cached without a secret; use ecr-public, k8s, quay`,
				`layercache.pullThrough.prefixes.quay: "Q" has 1 characters, and ECR takes 2 to 30; use lower-case letters and digits, with '.', '_', '-' or '/' between them, such as team/quay`,
				`layercache.builds[0].name: "cache" is the name of the cache repository; use another name`,
				`layercache.builds[0].tag: ":" has the wrong form; use at most 128 letters, digits, '.', '_' and '-'`,
				`layercache.builds[0].timeoutMinutes: 1 minutes is out of CodeBuild's range; give 5 to 2160 minutes`,
				`layercache.builds[0].environment["LAYERCACHE_TAG"]: is set by Tag; set that instead`,
				`layercache.builds[0].source.directory: "nowhere" is not a directory; give a directory, absolute or relative to the one of cdk.json`,
				`layercache.builds[1].source.directory: is missing; give the directory that holds the Dockerfile`,
				`layercache.builds[2].name: "api" is the name of builds[1] too; give each build a name of its own`,
				`layercache.builds[2].dockerfile: "../Dockerfile" has the wrong form; give a path inside the source, from its root, such as docker/Dockerfile`,
				`layercache.builds[2].architecture: "mips" is unknown; use "amd64" or "arm64"`,
				`layercache.builds[2].computeType: "HUGE" is no size that runs a builder; use one of [SMALL MEDIUM LARGE X_LARGE X2_LARGE]`,
				`layercache.builds[2].helperZip: "none.zip" is not a file; give the path of a zip with layercache and buildkitd, or leave the prop out to compile them`,
				`layercache.builds[2].logRetentionDays: 2 is not a retention of CloudWatch Logs; use 1 3 5 7 14 30 60 90 120 150 180 365 731 1827 3653`,
				`layercache.builds[2].context: there is no directory "web" in "api"; give its path from the root of the source`,
			},
		},
		"a Dockerfile that is not there": {
			`{"builds":[{"name":"api","source":{"directory":"api"},"dockerfile":"Containerfile"}]}`,
			[]string{`layercache.builds[0].dockerfile: there is no file "Containerfile" in "api"; give its path from the root of the source`},
		},
		"prefixes that fall together with each other and with the image repositories": {
			`{"name":"quay","pullThrough":{"prefixes":{"ecr-public":"base","k8s":"base","quay":"quay"}},"builds":[{"name":"api","source":{"directory":"api"}}]}`,
			[]string{
				`layercache.pullThrough.prefixes.k8s: "base" is the prefix of ecr-public too; give each upstream a prefix of its own`,
				`layercache.pullThrough.prefixes.quay: "quay" holds the repositories of layercache.name; use another prefix`,
			},
		},
		"names that would end in a shell or a path": {
			`{"name":"a;rm -rf /","builds":[{"name":"../x","source":{"directory":"api"},"tag":"$(id)","app":"a/b"}]}`,
			[]string{
				`layercache.name: "a;rm -rf /" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first`,
				`layercache.builds[0].name: "../x" has the wrong form; use lower-case letters and digits with single '.', '_' or '-' between them`,
				`layercache.builds[0].app: "a/b" has the wrong form; use at most 64 letters, digits, '.', '_' and '-'`,
				`layercache.builds[0].tag: "$(id)" has the wrong form; use at most 128 letters, digits, '.', '_' and '-'`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inProject(t)
			_, problems := read(t, c.text)
			assert.Equal(t, c.want, problems)
		})
	}
}
