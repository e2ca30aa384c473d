package stacks_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
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
		require.NoError(t, os.WriteFile(name, []byte("FROM scratch AS app\nARG GO\n"), 0o600))
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

// JSON has no such numbers, but Go has.
func TestNumbersThatAreNone(t *testing.T) {
	inProject(t)
	for _, n := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		config := stacks.Config{Builds: []stacks.BuildConfig{{
			Name: "api", Source: stacks.SourceConfig{GitHub: "acme/api"}, Webhook: &stacks.WebhookConfig{},
			TimeoutMinutes: &n, CacheMountLimitMiB: &n, LogRetentionDays: &n, PullRequestConcurrentBuilds: &n,
		}}}
		var keys []string
		for _, p := range config.Validate() {
			keys = append(keys, p.Prop)
		}
		assert.Equal(t, []string{
			"layercache.builds[0].timeoutMinutes", "layercache.builds[0].cacheMountLimitMiB",
			"layercache.builds[0].pullRequestConcurrentBuilds", "layercache.builds[0].logRetentionDays",
		}, keys, "%v", n)
	}
}

func TestReadConfig(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"one build with a name and a source": {
			`{"builds":[{"name":"api","source":{"directory":"api"}}]}`,
			nil,
		},
		"every key": {
			`{"name":"team","cache":{"account":"111111111111","region":"us-gov-east-1"},"build":{"account":"222222222222","region":"us-gov-west-1"},
			 "pullThrough":{"enabled":false,"prefixes":{"quay":"base/quay"}},
			 "builds":[{"name":"api","source":{"directory":"api"},"deploy":{"functionZip":"helper.zip"},"app":"api","dockerfile":"docker/Dockerfile","context":"docker","tags":["v1"],"fallbackBranch":"trunk",
			  "cacheWrite":false,"cacheMounts":["modules"],"cacheMountLimitMiB":500,"imageCompression":"zstd","attestations":"none","architecture":"arm64","buildImages":{"arm64":"aws/codebuild/amazonlinux-aarch64-standard:3.0"},"computeType":"LARGE","timeoutMinutes":20,"logRetentionDays":7,"environment":{"A":"b"},"helperZip":"helper.zip"}]}`,
			nil,
		},
		"a build that is deployed and takes too long": {
			`{"builds":[{"name":"api","source":{"directory":"api"},"deploy":{"functionZip":"none.zip"},"timeoutMinutes":90}]}`,
			[]string{
				`layercache.builds[0].deploy.functionZip: "none.zip" is not a file; give the path of a zip with bootstrap, or leave it out to compile it`,
				"layercache.builds[0].timeoutMinutes: is 90 minutes, but CloudFormation waits an hour, which leaves at most 50; give at most 50 minutes, or leave deploy out",
			},
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
				"layercache.builds[0].source.git: is an unknown key; did you mean github or gitlab or githubEnterprise?",
				"layercache.builds[0].tag: is an unknown key; did you mean tags?",
				"layercache.cache.acount: is an unknown key; did you mean account?",
				"layercache.nam: is an unknown key; did you mean name?",
			},
		},
		"values of the wrong type, each reported once": {
			`{"name":7,"cache":{"account":111111111111},"build":{"account":"222222222222"},"pullThrough":{"enabled":"yes","prefixes":{"quay":1}},
			  "builds":[{"name":"api","source":"api","timeoutMinutes":"20","cacheWrite":0,"environment":{"A":1}},7,null]}`,
			[]string{
				`layercache.builds[0].cacheWrite: 0 has the wrong type; write true or false`,
				`layercache.builds[0].environment.A: 1 has the wrong type; write "1", in quotes`,
				`layercache.builds[0].source: "api" has the wrong type; write an object in braces, such as { "directory": "api" }`,
				`layercache.builds[0].timeoutMinutes: "20" has the wrong type; write 20 without quotes`,
				`layercache.builds[1]: 7 has the wrong type; write an object in braces`,
				`layercache.builds[2]: null has the wrong type; write an object in braces, or leave it out`,
				`layercache.cache.account: 111111111111 has the wrong type; write "111111111111", in quotes`,
				`layercache.name: 7 has the wrong type; write "7", in quotes`,
				`layercache.pullThrough.enabled: "yes" has the wrong type; write true or false`,
				`layercache.pullThrough.prefixes.quay: 1 has the wrong type; write "1", in quotes`,
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
				`layercache.cache.region: "europe" is not a region; give a region, such as eu-central-1`,
				`layercache.build.account: is missing, but other places set it; set it everywhere, or nowhere to use the account and region of the CDK CLI`,
				`layercache.pullThrough.prefixes.docker-hub: is not a registry that ECR can cache from without a secret; set its secret in layercache.pullThrough.secrets, or leave it out`,
				`layercache.pullThrough.prefixes.quay: "Q" has 1 characters, and ECR accepts 2 to 30; use lower-case letters and digits, with '.', '_', '-' or '/' between them, such as team/quay`,
				`layercache.builds[0].name: "cache" is reserved for the cache repositories; use another name`,
				`layercache.builds[0].tags[0]: ":" has the wrong form; use at most 128 letters, digits, '.', '_' and '-', and the words {commit}, {branch} and {build}`,
				`layercache.builds[0].timeoutMinutes: 1 minutes is out of CodeBuild's range; give 5 to 2160 minutes`,
				`layercache.builds[0].environment["LAYERCACHE_TAGS"]: is set by tags; set that instead`,
				`layercache.builds[0].source.directory: "nowhere" is not a directory; give a directory, absolute or relative to the directory of cdk.json`,
				`layercache.builds[1].source: needs exactly one of directory, github, githubEnterprise, gitlab, gitlabSelfManaged, bitbucket, codecommit, s3; give the directory that holds the Dockerfile, or the repository`,
				`layercache.builds[2].name: "api" is also the name of builds[1]; give each build its own name`,
				`layercache.builds[2].dockerfile: "../Dockerfile" has the wrong form; give a path inside the source, from its root, such as docker/Dockerfile`,
				`layercache.builds[2].architecture: "mips" is unknown; use one of amd64, arm64`,
				`layercache.builds[2].computeType: "HUGE" is not a size of a machine that runs a builder; use one of SMALL, MEDIUM, LARGE, X_LARGE, X2_LARGE`,
				`layercache.builds[2].helperZip: "none.zip" is not a file; give the path of a zip with layercache and buildkitd, or leave it out to compile both`,
				`layercache.builds[2].logRetentionDays: 2 is not a retention time of CloudWatch Logs; use 1, the nearest, or another of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653`,
				`layercache.builds[2].context: there is no directory "web" in "api"; give its path from the root of the source`,
			},
		},
		"a negative time limit, which the CDK cannot hold": {
			`{"builds":[{"name":"api","source":{"directory":"api"},"timeoutMinutes":-1}]}`,
			[]string{`layercache.builds[0].timeoutMinutes: -1 minutes is out of CodeBuild's range; give 5 to 2160 minutes`},
		},
		"a negative size, which the CDK cannot hold either": {
			`{"builds":[{"name":"api","source":{"directory":"api"},"cacheMountLimitMiB":-1}]}`,
			[]string{`layercache.builds[0].cacheMountLimitMiB: -1 is not a size; give 1 or more, or set cacheMounts to ["off"]`},
		},
		"wrong cache mounts": {
			`{"builds":[{"name":"api","source":{"directory":"api"},"cacheMounts":["a,b"],"cacheMountLimitMiB":0.5}]}`,
			[]string{
				`layercache.builds[0].cacheMounts[0]: "a,b" has the wrong form; give the id of a mount without commas, which is its target unless the Dockerfile has id=`,
				`layercache.builds[0].cacheMountLimitMiB: is less than 1 MiB; give more, or set cacheMounts to "off"`,
			},
		},
		"events of a webhook in the wrong form": {
			`{"builds":[{"name":"api","source":{"github":"acme/api"},"pullRequestTargets":["refs/heads/main"],
			  "webhook":{"branches":["^main$",""],"tags":["v(1|2)"],"paths":["/api","./web"]}},
			 {"name":"web","source":{"github":"acme/web"},"webhook":{"paths":[],"filters":[{"events":["MERGE"],"conditions":[{"type":"REF","pattern":"x"}]},{}]}},
			 {"name":"none","source":{"github":"acme/web"},"pullRequests":false,"webhook":{"branches":[]}},
			 {"name":"zip","source":{"s3":"bucket/key"},"webhook":true},
			 {"name":"enterprise","source":{"githubEnterprise":"https://github.example.com/a/b.git"},"webhook":true}]}`,
			[]string{
				`layercache.builds[0].webhook.branches[0]: "^main$" has characters of a regular expression; use only *, ** and ?, or write the regular expression in webhook.filters`,
				`layercache.builds[0].webhook.branches[1]: "" has the wrong form; give a name or a path, with * for any text`,
				`layercache.builds[0].webhook.tags[0]: "v(1|2)" has characters of a regular expression; use only *, ** and ?, or write the regular expression in webhook.filters`,
				`layercache.builds[0].webhook.paths[0]: "/api" does not start with a name; write "api"; paths start at the root of the repository`,
				`layercache.builds[0].webhook.paths[1]: "./web" does not start with a name; write "web"; paths start at the root of the repository`,
				`layercache.builds[0].pullRequestTargets[0]: "refs/heads/main" is a full ref; leave out refs/heads/ and refs/tags/`,
				`layercache.builds[1].webhook.filters[0].events[0]: "MERGE" starts no image build; did you mean PULL_REQUEST_MERGED?`,
				`layercache.builds[1].webhook.filters[0].conditions[0].type: is missing or unknown; did you mean HEAD_REF or BASE_REF?`,
				`layercache.builds[1].webhook.filters[1].events: is missing; list at least one event, such as PUSH`,
				`layercache.builds[1].webhook.filters: cannot be combined with branches, tags, paths or pullRequestTargets; keep the filters, or the other keys`,
				`layercache.builds[1].webhook.paths: is empty, so no file starts a build; list a path, or leave it out for all files`,
				`layercache.builds[2].webhook.branches: is empty, so no push starts a build; list a branch, or set webhook to false`,
				`layercache.builds[3].webhook: CodeBuild has no webhook for s3; use github, gitlab or bitbucket as the source, or leave it out`,
				"layercache.builds[4].webhook: CloudFormation cannot create webhooks for GitHub Enterprise; leave it out, set pullRequests to true if pull requests are built, and create the webhooks with the commands in cdk.out/first-deployment.md",
			},
		},
		"names, ids and ARNs in the wrong form": {
			`{"build":{"network":{"vpcId":"main","subnets":[],"securityGroups":["x"]},"encryptionKey":"k","alarmTopics":["t"]},
			  "builds":[{"name":"api","source":{"github":"acme/api","secret":"ci/token","exclude":["a"]},"imageName":"A","imageRepository":"https://x","baseImages":["golang:1.26@sha256:x","public.ecr.aws/a/b:1"],
			   "secrets":{"a":{},"b":{"secretsManager":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:ci"},"c":{"parameter":"a b","field":"x"}},
			   "cacheBucket":"B","cacheBucketKey":"k","fleet":"f","logGroup":"a b","logRetentionDays":7,"network":{"vpcId":"vpc-1","subnets":["a"]},
			   "dockerServer":{"securityGroups":["x"]},"refreshOnSchedule":true}]}`,
			[]string{
				`layercache.build.network.vpcId: "main" is not the id of a VPC; give an id such as vpc-0123456789abcdef0`,
				`layercache.build.network.subnets: is empty; list the ids of the subnets that builds run in`,
				`layercache.build.network.securityGroups[0]: "x" has the wrong form; give the id of a security group, such as sg-0123456789abcdef0`,
				`layercache.build.encryptionKey: "k" has the wrong form; give the ARN of a KMS key`,
				`layercache.builds[0].source.exclude: is only allowed for a directory; leave it out`,
				`layercache.builds[0].source.secret: "ci/token" has the wrong form; give the complete ARN of a secret, with the six characters that Secrets Manager adds`,
				`layercache.builds[0].imageName: is the name of a new repository, but imageRepository gives one; keep one of the two keys`,
				`layercache.builds[0].logRetentionDays: is that of a new log group, but logGroup gives one; keep one of the two keys`,
				`layercache.builds[0].cacheBucket: is only used with cacheMode "s3"; leave it out, or set cacheMode to "s3"`,
				`layercache.builds[0].network: has no effect on a fleet; set the VPC on the fleet`,
				`layercache.builds[0].refreshOnSchedule: has no effect without schedule; set schedule, or leave it out`,
				`layercache.builds[0].imageName: "A" has the wrong form; use 2 to 256 lower-case letters and digits with one '/', '.', '_' or '-' between them, such as team/api`,
				`layercache.builds[0].cacheBucket: "B" has the wrong form; give the name of a bucket`,
				`layercache.builds[0].cacheBucketKey: "k" has the wrong form; give the ARN of a KMS key`,
				`layercache.builds[0].fleet: "f" has the wrong form; give the ARN of a fleet, arn:PARTITION:codebuild:REGION:ACCOUNT:fleet/NAME:ID`,
				`layercache.builds[0].logGroup: "a b" has the wrong form; give the name of a log group, such as /ci/api`,
				`layercache.builds[0].imageRepository: "https://x" is not the name or ARN of an ECR repository; give a name such as team/api, without the host of the registry`,
				`layercache.builds[0].baseImages[0]: "golang:1.26@sha256:x" has the wrong form; give REPOSITORY:TAG, such as docker-hub/library/golang:1.26`,
				`layercache.builds[0].baseImages[1]: "public.ecr.aws/a/b:1" names a registry; give the repository in ECR without the host, such as docker-hub/library/golang:1.26`,
				`layercache.builds[0].network.subnets[0]: "a" has the wrong form; give the id of a subnet, such as subnet-0123456789abcdef0`,
				`layercache.builds[0].dockerServer.securityGroups[0]: "x" has the wrong form; give the id of a security group, such as sg-0123456789abcdef0`,
				`layercache.builds[0].secrets.a: needs exactly one of secretsManager and parameter; give the name of a secret or of a parameter, not its value`,
				`layercache.builds[0].secrets.b.secretsManager: "arn:aws:secretsmanager:eu-west-1:111111111111:secret:ci" is not the complete ARN of a secret; give the ARN with the six characters that Secrets Manager adds, or the name`,
				`layercache.builds[0].secrets.c.field: is only for secretsManager; leave it out`,
				`layercache.builds[0].secrets.c.parameter: "a b" has the wrong form; give the name of a parameter, such as /build/npm`,
				`layercache.build.alarmTopics[0]: "t" has the wrong form; give the ARN of an SNS topic`,
				`layercache.build.alarmTopics: has no effect without layercache.dashboard; set layercache.dashboard to true, or leave it out`,
			},
		},
		"what is in one account, for builds in two": {
			`{"cache":{"account":"111111111111","region":"eu-central-1"},"environments":[{"name":"dev","account":"222222222222","region":"eu-central-1"},{"name":"prod","account":"333333333333","region":"eu-central-1"}],
			  "builds":[{"name":"api","source":{"github":"acme/api","connection":"arn:aws:codeconnections:eu-central-1:222222222222:connection/a"},"fleet":"arn:aws:codebuild:eu-central-1:222222222222:fleet/a:b"},
			            {"name":"web","source":{"directory":"api"},"network":{"vpcId":"vpc-1","subnets":["subnet-1"]}},{"name":"off","source":{"directory":"api"},"network":false}]}`,
			[]string{
				"layercache.builds[0].fleet: is in one account and region, and there are 2 environments; leave it out, or use a second configuration with another layercache.name",
				"layercache.builds[0].source.connection: is in one account and region, and there are 2 environments; set connection in each of layercache.environments",
				"layercache.builds[1].network: is in one account and region, and there are 2 environments; set network in each of layercache.environments",
			},
		},
		"two builds with one new image repository": {
			`{"builds":[{"name":"api","source":{"directory":"api"}},{"name":"web","source":{"directory":"api"},"imageName":"layercache/api"}]}`,
			[]string{`layercache.builds[1].imageName: "layercache/api" is also the new image repository of builds[0]; give each build its own, or name an existing one in imageRepository`},
		},
		"a dashboard and a prewarm that are wrong": {
			`{"pullThrough":{"enabled":false,"prewarm":{"images":[],"schedule":"daily","timeoutMinutes":1,"logRetentionDays":2}},
			  "dashboard":{"namespace":"AWS/x","name":"a b","alarms":{"hitRatio":20}},"builds":[{"name":"api","source":{"directory":"api"}}]}`,
			[]string{
				"layercache.pullThrough.prewarm: has no effect without the pull-through cache; leave it out, or set enabled of pullThrough to true",
				"layercache.pullThrough.prewarm.images: is empty; name images, such as golang:1.26",
				"layercache.pullThrough.prewarm.schedule: \"daily\" is not an EventBridge schedule; write \"rate(1 day)\" or \"cron(0 3 * * ? *)\"",
				"layercache.pullThrough.prewarm.logRetentionDays: 2 is not a retention time of CloudWatch Logs; use 1, the nearest, or another of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
				"layercache.pullThrough.prewarm.timeoutMinutes: 1 minutes is out of CodeBuild's range; give 5 to 2160 minutes",
				`layercache.dashboard.namespace: "AWS/x" is reserved for AWS services; use at most 255 letters, digits and . _ / # : -, such as layercache`,
				`layercache.dashboard.name: "a b" has the wrong form; use at most 255 letters, digits, '-' and '_'`,
				"layercache.dashboard.alarms.hitRatio: 20 is out of range; give a number from 0 to 1",
			},
		},
		"the name of a dashboard with too little room for its region": {
			`{"cache":{"account":"111111111111","region":"eu-central-1","tiers":{"prod":{}}},"dashboard":{"name":"` + strings.Repeat("a", 243) + `"},"environments":[
			  {"name":"eu","account":"222222222222","region":"eu-central-1","tier":"prod"},{"name":"us","account":"222222222222","region":"us-east-1","tier":"prod"}],
			  "builds":[{"name":"api","source":{"directory":"api"}}]}`,
			[]string{`layercache.dashboard.name: "` + strings.Repeat("a", 243) + `-eu-central-1" has the wrong form; use at most 255 letters, digits, '-' and '_'`},
		},
		"a prewarm of the rules of another configuration": {
			`{"pullThrough":{"existing":true,"prewarm":{"images":["golang:1.26"]}},"builds":[{"name":"api","source":{"directory":"api"}}]}`,
			[]string{"layercache.pullThrough.prewarm: is not for rules that another configuration creates; leave it out, and set prewarm in the configuration that creates them"},
		},
		"a key that takes true, false or an object": {
			`{"pullThrough":"off","builds":[{"name":"api","source":{"github":"acme/api"},"webhook":"main","dockerServer":1}]}`,
			[]string{
				`layercache.builds[0].dockerServer: 1 has the wrong type; write true, false, or an object in braces`,
				`layercache.builds[0].webhook: "main" has the wrong type; write true, false, or an object in braces`,
				`layercache.pullThrough: "off" has the wrong type; write true, false, or an object in braces`,
			},
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
				`layercache.cache.regions[2]: "x" is not a region; give a region, such as eu-central-1`,
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
				`layercache.cache.encryption: "XOR" is unknown; use one of AES256, KMS, KMS_DSSE`,
				`layercache.cache.encryptionKey: "k" has the wrong form; give the ARN of a KMS key`,
			},
		},
		"a pull-through cache in a region without one, and secrets that ECR does not accept": {
			`{"cache":{"account":"111111111111","region":"cn-north-1"},"build":{"account":"111111111111","region":"cn-north-1"},
			  "pullThrough":{"enabled":true,"secrets":{"quay":"ecr-pullthroughcache/quay","docker-hub":"docker",
			   "chainguard":"arn:aws:secretsmanager:cn-north-1:111111111111:secret:chainguard-AbCdEf","gitlab-container-registry":"arn:aws:s3:::ecr-pullthroughcache/x"}},` + oneBuild + `}`,
			[]string{
				`layercache.pullThrough.enabled: ECR has no pull-through cache in cn-north-1; leave it out, or set it to false`,
				`layercache.pullThrough.secrets.chainguard: "arn:aws:secretsmanager:cn-north-1:111111111111:secret:chainguard-AbCdEf" is not a secret name that ECR accepts; name the secret ecr-pullthroughcache/NAME`,
				`layercache.pullThrough.secrets.docker-hub: "docker" is not a secret name that ECR accepts; name the secret ecr-pullthroughcache/NAME`,
				`layercache.pullThrough.secrets.gitlab-container-registry: "arn:aws:s3:::ecr-pullthroughcache/x" is not a secret name that ECR accepts; name the secret ecr-pullthroughcache/NAME`,
				`layercache.pullThrough.secrets.quay: is not a registry that needs only a secret; use one of docker-hub, github-container-registry, gitlab-container-registry, chainguard`,
			},
		},
		"a directory with a webhook, an invalid repository, two sources and an invalid schedule": {
			`{"builds":[{"name":"a","source":{"directory":"api","version":"main"},"webhook":true},{"name":"b","source":{"github":"acme"}},
			  {"name":"c","source":{"directory":"api","gitlab":"a/b"},"schedule":"daily"}]}`,
			[]string{
				`layercache.builds[0].source.version: is only allowed for a repository; leave it out`,
				`layercache.builds[0].webhook: a directory has no Git host that sends events; use github, gitlab or bitbucket as the source, or leave it out`,
				`layercache.builds[1].source.github: "acme" is not OWNER/REPOSITORY; give OWNER/REPOSITORY, such as acme/shop, or the address of the repository`,
				`layercache.builds[2].schedule: "daily" is not an EventBridge schedule; write "rate(1 day)" or "cron(0 3 * * ? *)"`,
				`layercache.builds[2].source: needs exactly one of directory, github, githubEnterprise, gitlab, gitlabSelfManaged, bitbucket, codecommit, s3; give the directory that holds the Dockerfile, or the repository`,
			},
		},
		"settings of pull requests that are wrong, or that nothing uses": {
			`{"builds":[{"name":"a","source":{"github":"acme/api"},"webhook":true,"pullRequestEnvironment":{"LAYERCACHE_TAGS":"x"},"pullRequestConcurrentBuilds":0},
			  {"name":"b","source":{"directory":"api"},"pullRequestEnvironment":{"A":"b"},"pullRequestConcurrentBuilds":2}]}`,
			[]string{
				`layercache.builds[0].pullRequestEnvironment["LAYERCACHE_TAGS"]: is set by tags; set that instead`,
				`layercache.builds[0].pullRequestConcurrentBuilds: 0 is not a number of builds; give a whole number of at least 1`,
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
