package stacks_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Run the tests with LAYERCACHE_UPDATE_SNAPSHOTS=true to write the expected lists.
const updateSnapshots = "LAYERCACHE_UPDATE_SNAPSHOTS"

func TestTheFirstDeploymentListsWhatIsToBeDoneByHand(t *testing.T) {
	const connection = `"connection":"arn:aws:codeconnections:eu-central-1:222222222222:connection/11111111-2222-3333-4444-555555555555"`
	cases := []struct{ name, file, config, summary string }{
		{"one account with a local folder", "one-account", `{` + oneBuild + `}`, ""},
		{"three accounts with connections, a secret and pull requests", "three-accounts", `{
			"cache":{"account":"111111111111","region":"eu-central-1","tiers":{"dev":{},"prod":{},"pr":{}}},
			"environments":[
				{"name":"dev","account":"222222222222","region":"eu-central-1","pullRequestTier":"pr",` + connection + `},
				{"name":"prod","account":"333333333333","region":"us-east-1","pullRequests":false,
					"connection":"arn:aws:codeconnections:eu-central-1:333333333333:connection/11111111-2222-3333-4444-555555555555"}],
			"pullThrough":{"secrets":{"docker-hub":"ecr-pullthroughcache/docker-hub"}},
			"builds":[{"name":"api","source":{"github":"acme/api"},"webhook":true,"helperZip":"helper.zip"}]}`,
			"bootstrap 3 accounts, authorize 2 connections, create 2 secrets"},
		{"one account with a connection", "connection", `{"cache":{"account":"222222222222","region":"eu-central-1"},
			"build":{"account":"222222222222","region":"eu-central-1",` + connection + `},
			"builds":[{"name":"api","source":{"gitlab":"acme/api"},"helperZip":"helper.zip"}]}`,
			"authorize 1 connection"},
		{"a Docker Hub secret and prefixes", "docker-hub", `{"dashboard":true,"pullThrough":{"prefixes":{"docker-hub":"hub"},
			"secrets":{"docker-hub":"ecr-pullthroughcache/docker-hub","chainguard":"arn:aws:secretsmanager:eu-central-1:222222222222:secret:ecr-pullthroughcache/chainguard",
			"github-container-registry":"ecr-pullthroughcache/github","gitlab-container-registry":"ecr-pullthroughcache/gitlab"}},` + oneBuild + `}`,
			"create 4 secrets"},
		{"pull requests without a connection, and no pull-through cache", "pull-requests", `{"pullThrough":{"enabled":false},
			"builds":[{"name":"api","source":{"github":"acme/api"},"webhook":true,"helperZip":"helper.zip"},{"name":"web","source":{"bitbucket":"acme/web"},"helperZip":"helper.zip"}]}`,
			"connect CodeBuild to Bitbucket and GitHub"},
		{"a public repository, built without a webhook", "public", `{"pullThrough":{"enabled":false},
			"builds":[{"name":"api","source":{"github":"acme/api"},"helperZip":"helper.zip"}]}`, ""},
		{"secrets of builds, and rules of another configuration", "build-secrets", `{"pullThrough":{"existing":true},
			"builds":[{"name":"api","source":{"github":"acme/api","secret":"arn:aws:secretsmanager:eu-central-1:222222222222:secret:github-AbCdEf"},"helperZip":"helper.zip",
				"secrets":{"npm":{"secretsManager":"npm","field":"token"},"pip":{"parameter":"/shop/pip"},"gem":{"secretsManager":"arn:aws:secretsmanager:eu-central-1:222222222222:secret:gem-AbCdEf"}}}]}`,
			"create 4 build secrets"},
		{"GitHub Enterprise", "github-enterprise", `{"build":{"account":"222222222222","region":"eu-central-1"},"cache":{"account":"222222222222","region":"eu-central-1"},
			"builds":[
				{"name":"api","source":{"githubEnterprise":"https://github.example.com/acme/api.git"},"pullRequests":true,"fallbackBranch":"it's` + "`id`" + `","helperZip":"helper.zip"},
				{"name":"web","source":{"githubEnterprise":"https://github.example.com/acme/web.git"},"pullRequests":true,"pullRequestTargets":["main"],"pullRequestApproval":"ALL_PULL_REQUESTS",
					"pullRequestApproverRoles":["GITHUB_MAINTAIN","GITHUB_ADMIN"],"platforms":["linux/amd64","linux/arm64"],"webhook":{"enabled":false,"paths":["web/**"]},"helperZip":"helper-{arch}.zip"},
				{"name":"nightly","source":{"githubEnterprise":"https://github.example.com/acme/web.git"},"helperZip":"helper.zip"}]}`,
			"create 5 webhooks"},
		{"two accounts in China", "china", `{"cache":{"account":"111111111111","region":"cn-north-1"},
			"build":{"account":"222222222222","region":"cn-northwest-1"},` + oneBuild + `}`, "bootstrap 2 accounts"},
		{"two accounts in an isolated partition", "iso", `{"cache":{"account":"111111111111","region":"us-iso-east-1"},
			"build":{"account":"222222222222","region":"us-iso-east-1"},"pullThrough":{"enabled":false},` + oneBuild + `}`, "bootstrap 2 accounts"},
	}
	golden, err := filepath.Abs(filepath.Join("testdata", "firstdeployment"))
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inProject(t)
			for _, zip := range []string{"helper-amd64.zip", "helper-arm64.zip"} {
				require.NoError(t, os.WriteFile(zip, []byte("helper"), 0o600))
			}
			config, problems := read(t, c.config)
			require.Empty(t, problems)
			first := config.FirstDeployment(config.AddTo(awscdk.NewApp(nil)))
			assert.Equal(t, c.summary, first.Summary)
			path := filepath.Join(golden, c.file+".md")
			if os.Getenv(updateSnapshots) == "true" {
				require.NoError(t, os.MkdirAll(golden, 0o755))
				require.NoError(t, os.WriteFile(path, []byte(first.Text), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), first.Text)
		})
	}
}
