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

// inProject changes to a new directory that contains a service to build and a helper.
func inProject(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll(filepath.Join("api", "docker"), 0o700))
	for _, name := range []string{"api/Dockerfile", "api/docker/Dockerfile", "helper.zip"} {
		require.NoError(t, os.WriteFile(name, []byte("FROM scratch\n"), 0o600))
	}
}

// read decodes a configuration as the CDK does, from JSON values.
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
	const knownOfBuild = "name, source, webhook, schedule, app, dockerfile, context, target, arguments, platforms, tags, fallbackBranch, cacheWrite, architecture, computeType, timeoutMinutes, logRetentionDays, metricsNamespace, environment, pullRequestEnvironment, pullRequestConcurrentBuilds, helperZip"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"one build with a name and a source": {
			`{"builds":[{"name":"api","source":{"directory":"api"}}]}`,
			nil,
		},
		"every key": {
			`{"name":"team","cache":{"account":"111111111111","region":"eu-central-1"},"build":{"account":"222222222222","region":"us-gov-west-1"},
			 "pullThrough":{"enabled":false,"prefixes":{"quay":"base/quay"}},
			 "builds":[{"name":"api","source":{"directory":"api"},"app":"api","dockerfile":"docker/Dockerfile","context":"docker","tags":["v1"],"fallbackBranch":"trunk",
			  "cacheWrite":false,"architecture":"arm64","computeType":"LARGE","timeoutMinutes":20,"logRetentionDays":7,"environment":{"A":"b"},"helperZip":"helper.zip"}]}`,
			nil,
		},
		"null": {
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
			`{"nam":"x","cache":{"acount":"1"},"builds":[{"name":"api","tag":"a","source":{"directory":"api","git":"x"}}]}`,
			[]string{
				"layercache.builds[0].source.git: is an unknown key; remove it or use one of directory, github, gitlab, bitbucket, version",
				"layercache.builds[0].tag: is an unknown key; remove it or use one of " + knownOfBuild,
				"layercache.cache.acount: is an unknown key; remove it or use one of account, region, regions, tiers, encryption, encryptionKey",
				"layercache.nam: is an unknown key; remove it or use one of name, cache, build, environments, pullThrough, builds",
			},
		},
		"values of the wrong type, each reported once": {
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
			  "builds":[{"name":"cache","source":{"directory":"nowhere"},"tags":[":"],"timeoutMinutes":1,"environment":{"LAYERCACHE_TAGS":"x"}},
			            {"name":"api","source":{}},
			            {"name":"api","source":{"directory":"api"},"dockerfile":"../Dockerfile","context":"web","architecture":"mips","computeType":"HUGE","logRetentionDays":2,"helperZip":"none.zip"}]}`,
			[]string{
				`layercache.name: "Team" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first`,
				`layercache.cache.account: "1234" has the wrong form; give the 12 digits of an account, in quotes`,
				`layercache.cache.region: "europe" has the wrong form; give a region, such as eu-central-1`,
				`layercache.build.account: is missing, but other places set it; set it everywhere, or nowhere to use the account and region of the CDK CLI`,
				`layercache.pullThrough.prefixes.docker-hub: is not a registry that ECR can cache from without a secret; use ecr-public, k8s, quay, or set its secret in layercache.pullThrough.secrets`,
				`layercache.pullThrough.prefixes.quay: "Q" has 1 characters, and ECR accepts 2 to 30; use lower-case letters and digits, with '.', '_', '-' or '/' between them, such as team/quay`,
				`layercache.builds[0].name: "cache" is reserved for the cache repositories; use another name`,
				`layercache.builds[0].tags[0]: ":" has the wrong form; use at most 128 letters, digits, '.', '_' and '-', and the words {commit}, {branch} and {build}`,
				`layercache.builds[0].timeoutMinutes: 1 minutes is out of CodeBuild's range; give 5 to 2160 minutes`,
				`layercache.builds[0].environment["LAYERCACHE_TAGS"]: is set by Tags; set that instead`,
				`layercache.builds[0].source.directory: "nowhere" is not a directory; give a directory, absolute or relative to the directory of cdk.json`,
				`layercache.builds[1].source: needs exactly one of directory, github, gitlab and bitbucket; give the directory that holds the Dockerfile, or the repository`,
				`layercache.builds[2].name: "api" is also the name of builds[1]; give each build its own name`,
				`layercache.builds[2].dockerfile: "../Dockerfile" has the wrong form; give a path inside the source, from its root, such as docker/Dockerfile`,
				`layercache.builds[2].architecture: "mips" is unknown; use "amd64" or "arm64"`,
				`layercache.builds[2].computeType: "HUGE" cannot run a builder; use one of [SMALL MEDIUM LARGE X_LARGE X2_LARGE]`,
				`layercache.builds[2].helperZip: "none.zip" is not a file; give the path of a zip with layercache and buildkitd, or leave the prop out to compile it`,
				`layercache.builds[2].logRetentionDays: 2 is not a retention time of CloudWatch Logs; use 1 3 5 7 14 30 60 90 120 150 180 365 731 1827 3653`,
				`layercache.builds[2].context: there is no directory "web" in "api"; give its path from the root of the source`,
			},
		},
		"a negative time limit, which the CDK cannot hold": {
			`{"builds":[{"name":"api","source":{"directory":"api"},"timeoutMinutes":-1}]}`,
			[]string{`layercache.builds[0].timeoutMinutes: -1 minutes is out of CodeBuild's range; give 5 to 2160 minutes`},
		},
		"a missing Dockerfile": {
			`{"builds":[{"name":"api","source":{"directory":"api"},"dockerfile":"Containerfile"}]}`,
			[]string{`layercache.builds[0].dockerfile: there is no file "Containerfile" in "api"; give its path from the root of the source`},
		},
		"prefixes that equal each other or the prefix of the image repositories": {
			`{"name":"quay","pullThrough":{"prefixes":{"ecr-public":"base","k8s":"base","quay":"quay"}},"builds":[{"name":"api","source":{"directory":"api"}}]}`,
			[]string{
				`layercache.pullThrough.prefixes.k8s: "base" is also the prefix of ecr-public; give each upstream its own prefix`,
				`layercache.pullThrough.prefixes.quay: "quay" is the prefix of the repositories of layercache.name; use another prefix`,
			},
		},
		"environments without a unique name, account and region": {
			`{"build":{"tier":"dev"},"cache":{"region":"eu-central-1","regions":["eu-central-1","eu-central-1","x"]},
			  "environments":[{"name":"dev","account":"111111111111","region":"eu-west-1"},{"name":"dev","account":"111111111111","region":"eu-west-1"},{"region":"eu-west-1"},{"name":"A"}],` + oneBuild + `}`,
			[]string{
				`layercache.build: cannot be combined with layercache.environments; keep one of the two keys`,
				`layercache.cache.regions: is given together with region; keep one of the two keys`,
				`layercache.cache.regions[1]: "eu-central-1" is listed twice; keep one of them`,
				`layercache.cache.regions[2]: "x" has the wrong form; give a region, such as eu-central-1`,
				`layercache.cache.account: is missing, but other places set it; set it everywhere, or nowhere to use the account and region of the CDK CLI`,
				`layercache.environments[2].account: is missing, but other places set it; set it everywhere, or nowhere to use the account and region of the CDK CLI`,
				`layercache.environments[3].account: is missing, but other places set it; set it everywhere, or nowhere to use the account and region of the CDK CLI`,
				`layercache.environments[3].region: is missing, but other places set it; set it everywhere, or nowhere to use the account and region of the CDK CLI`,
				`layercache.environments[1].name: "dev" is also the name of environments[0]; give each environment its own name`,
				`layercache.environments[1]: is in the account and region of environments[0], where their image repositories and pull-through rules would have the same names; use another account or region, or a second configuration with another layercache.name`,
				`layercache.environments[2].name: is missing; give the environment a name, such as dev`,
				`layercache.environments[3].name: "A" has the wrong form; use lower-case letters and digits with single '-' between them, a letter first`,
				`layercache.environments[2].tier: is missing, and no tier has the name of the environment; use one of dev, prod`,
				`layercache.environments[3].tier: is missing, and no tier has the name of the environment; use one of dev, prod`,
			},
		},
		"missing tiers, and invalid readers and writers": {
			`{"cache":{"tiers":{"prod":{"readers":[{}],"writers":[{"account":"1","organizationId":"x","organizationPaths":["y"],"rolePath":"z"}]},"A":{}}},
			  "build":{"tier":"stage","pullRequestTier":"stage","connection":"c"},` + oneBuild + `}`,
			[]string{
				`layercache.build.connection: "c" has the wrong form; give arn:PARTITION:codeconnections:REGION:ACCOUNT:connection/ID`,
				`layercache.cache.tiers.A: is not a valid name of a tier; use lower-case letters and digits with single '-' between them, a letter first`,
				`layercache.cache.tiers.prod.readers[0]: would allow everybody; set account, organizationId or organizationPaths`,
				`layercache.cache.tiers.prod.writers[0].organizationPaths[0]: "y" has the wrong form; give paths such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*`,
				`layercache.cache.tiers.prod.writers[0].account: "1" has the wrong form; give the 12 digits of the account`,
				`layercache.cache.tiers.prod.writers[0].organizationId: "x" has the wrong form; give the organization's id, such as o-a1b2c3d4e5`,
				`layercache.cache.tiers.prod.writers[0].rolePath: "z" has the wrong form; give a path that starts and ends with a slash, such as /ci/release/`,
				`layercache.build.tier: "stage" is not in layercache.cache.tiers; use one of A, prod`,
				`layercache.build.pullRequestTier: "stage" is not in layercache.cache.tiers; use one of A, prod`,
			},
		},
		"a tier that pull requests write and releases read": {
			`{"build":{"pullRequestTier":"prod"},` + oneBuild + `}`,
			[]string{`layercache.build.pullRequestTier: "prod" is the tier that release builds read; use a separate tier, such as pr, or leave it out`},
		},
		"a tier for pull requests without builds of pull requests": {
			`{"build":{"pullRequests":false,"pullRequestTier":"dev"},` + oneBuild + `}`,
			[]string{`layercache.build.pullRequestTier: is set, but pull requests are not built; leave it out, or remove pullRequests`},
		},
		"an encryption that the region does not have": {
			`{"cache":{"account":"111111111111","region":"eu-central-1","encryption":"KMS_DSSE","encryptionKey":"arn:aws:kms:us-east-1:111111111111:key/k"},
			  "build":{"account":"111111111111","region":"eu-central-1"},` + oneBuild + `}`,
			[]string{
				`layercache.cache.encryption: KMS_DSSE is not available in eu-central-1; use KMS; only the GovCloud regions have KMS_DSSE`,
				`layercache.cache.encryptionKey: is not in every region with caches; use only the key's region, or leave the key out and set encryption to KMS`,
			},
		},
		"an unknown encryption with an invalid key": {
			`{"cache":{"encryption":"XOR","encryptionKey":"k"},` + oneBuild + `}`,
			[]string{
				`layercache.cache.encryption: "XOR" is unknown; use AES256, KMS or KMS_DSSE`,
				`layercache.cache.encryptionKey: "k" has the wrong form; give the ARN of a KMS key`,
			},
		},
		"a pull-through cache in a region without one, and secrets that ECR does not accept": {
			`{"cache":{"account":"111111111111","region":"cn-north-1"},"build":{"account":"111111111111","region":"cn-north-1"},
			  "pullThrough":{"enabled":true,"secrets":{"quay":"ecr-pullthroughcache/quay","docker-hub":"docker"}},` + oneBuild + `}`,
			[]string{
				`layercache.pullThrough.enabled: ECR has no pull-through cache in cn-north-1; leave it out, or set it to false`,
				`layercache.pullThrough.secrets.docker-hub: "docker" is not a secret name that ECR accepts; name the secret ecr-pullthroughcache/NAME`,
				`layercache.pullThrough.secrets.quay: is not a registry that needs only a secret; use docker-hub, github-container-registry, gitlab-container-registry, chainguard`,
			},
		},
		"a directory with a webhook, an invalid repository, two sources and an invalid schedule": {
			`{"builds":[{"name":"a","source":{"directory":"api","version":"main"},"webhook":true},{"name":"b","source":{"github":"acme"}},
			  {"name":"c","source":{"directory":"api","gitlab":"a/b"},"schedule":"daily"}]}`,
			[]string{
				`layercache.builds[0].source.version: is only allowed for a repository; leave it out`,
				`layercache.builds[0].webhook: a directory has no Git host that sends events; use github, gitlab or bitbucket as the source, or leave it out`,
				`layercache.builds[1].source: the repository is missing; give its owner and name, or its URL`,
				`layercache.builds[2].schedule: "daily" is not an EventBridge schedule; write "rate(1 day)" or "cron(0 3 * * ? *)"`,
				`layercache.builds[2].source: needs exactly one of directory, github, gitlab and bitbucket; give the directory that holds the Dockerfile, or the repository`,
			},
		},
		"settings of pull requests that are wrong, or that nothing uses": {
			`{"builds":[{"name":"a","source":{"github":"acme/api"},"webhook":true,"pullRequestEnvironment":{"LAYERCACHE_TAGS":"x"},"pullRequestConcurrentBuilds":0},
			  {"name":"b","source":{"directory":"api"},"pullRequestEnvironment":{"A":"b"},"pullRequestConcurrentBuilds":2}]}`,
			[]string{
				`layercache.builds[0].pullRequestEnvironment["LAYERCACHE_TAGS"]: is set by Tags; set that instead`,
				`layercache.builds[0].pullRequestConcurrentBuilds: 0 is not a number of builds; give 1 or more`,
				`layercache.builds[1].pullRequestConcurrentBuilds: is only for builds of pull requests; set webhook, or leave it out`,
				`layercache.builds[1].pullRequestEnvironment: is only for builds of pull requests; set webhook, or leave it out`,
			},
		},
		"names that contain shell syntax or paths": {
			`{"name":"a;rm -rf /","builds":[{"name":"../x","source":{"directory":"api"},"tags":["$(id)"],"app":"a/b"}]}`,
			[]string{
				`layercache.name: "a;rm -rf /" has the wrong form; use 2 to 31 lower-case letters and digits with single '-' between them, a letter first`,
				`layercache.builds[0].name: "../x" has the wrong form; use lower-case letters and digits with single '.', '_' or '-' between them`,
				`layercache.builds[0].app: "a/b" has the wrong form; use at most 64 letters, digits, '.', '_' and '-'`,
				`layercache.builds[0].tags[0]: "$(id)" has the wrong form; use at most 128 letters, digits, '.', '_' and '-', and the words {commit}, {branch} and {build}`,
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
