package imagebuild_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

// newGitProps returns valid props with a source at GitHub and a webhook.
func newGitProps(t *testing.T, stack awscdk.Stack) *imagebuild.ImageBuildProps {
	props := newProps(t, stack)
	props.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{ConnectionArn: jsii.String(connection)})
	props.Triggers = &imagebuild.Triggers{Webhook: &imagebuild.Webhook{}}
	return props
}

func filter(kind, pattern string) map[string]any {
	return map[string]any{"Type": kind, "Pattern": pattern}
}

func TestAWebhookMakesAProjectForPullRequests(t *testing.T) {
	stack := synthtest.Stack()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), newGitProps(t, stack))

	assert.Equal(t, map[string]any{
		"Webhook": true, "BuildType": "BUILD",
		"FilterGroups": []any{[]any{filter("EVENT", "PUSH"), filter("HEAD_REF", "^refs/heads/main$")}},
	}, project(t, stack, "BuildProject")["Triggers"])
	assert.Equal(t, map[string]any{
		"Webhook": true, "BuildType": "BUILD",
		"FilterGroups":           []any{[]any{filter("EVENT", "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED")}},
		"PullRequestBuildPolicy": map[string]any{"RequiresCommentApproval": "FORK_PULL_REQUESTS"},
	}, project(t, stack, "BuildPullRequestProject")["Triggers"])
}

func TestABuildOfAPullRequestReadsTheCacheAndPushesNothing(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	props.PullThrough = pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
	})
	props.MetricsNamespace = jsii.String("layercache")
	props.Build = &imagebuild.BuildOptions{Secrets: &map[string]*imagebuild.Secret{
		"npm": imagebuild.Secret_FromSecretsManager(awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Npm"), jsii.String("npm")), nil),
	}}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	p := project(t, stack, "BuildPullRequestProject")
	assert.ElementsMatch(t, append([]string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildPullRequestLogsAFA90B77.Arn}",
		"Allow ecr:GetAuthorizationToken on *",
		"Allow " + pull + " on ${CacheRepository8754AB2F.Arn}",
		"Allow " + pull + " ecr:BatchImportUpstreamImage on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/quay/*",
		"Allow codeconnections:GetConnection codeconnections:GetConnectionToken on " + connection,
	}, helperStatements(helperKeys(p)...)...), policyOf(t, stack, pullRole))

	v := variablesOf(p)
	assert.Equal(t, "false", v["LAYERCACHE_WRITE"])
	assert.Equal(t, "false", v["LAYERCACHE_PUSH"])
	assert.Equal(t, uri("CacheRepository8754AB2F"), v["LAYERCACHE_REPOSITORY"])
	for _, absent := range []string{"LAYERCACHE_SECRETS", "LAYERCACHE_SECRET_NPM", "LAYERCACHE_METRICS_NAMESPACE", "LAYERCACHE_FALLBACK_REPOSITORY"} {
		assert.NotContains(t, v, absent)
	}
	release := variables(t, stack)
	assert.Equal(t, "true", release["LAYERCACHE_WRITE"])
	assert.Equal(t, "true", release["LAYERCACHE_PUSH"])
	assert.Contains(t, release, "LAYERCACHE_SECRET_NPM")
}

func TestPullRequestsMayWriteTheirOwnCacheAndImageRepository(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	props.Build = &imagebuild.BuildOptions{Secrets: &map[string]*imagebuild.Secret{
		"npm": imagebuild.Secret_FromSecretsManager(awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Npm"), jsii.String("npm")), nil),
	}}
	props.PullRequests = &imagebuild.PullRequests{
		Cache:         cacherepo.NewCacheRepository(stack, jsii.String("Tier"), nil),
		Image:         awsecr.Repository_FromRepositoryName(stack, jsii.String("Previews"), jsii.String("team/previews")),
		Secrets:       jsii.Bool(true),
		Approval:      imagebuild.FullApproval,
		ApproverRoles: jsii.Strings("GITHUB_MAINTAIN", "GITHUB_ADMIN"),
		RolePath:      jsii.String("/ci/pull-request/"),
	}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	p := project(t, stack, "BuildPullRequestProject")
	assert.Equal(t, map[string]any{"RequiresCommentApproval": "ALL_PULL_REQUESTS", "ApproverRoles": []any{"GITHUB_MAINTAIN", "GITHUB_ADMIN"}},
		p["Triggers"].(map[string]any)["PullRequestBuildPolicy"])
	assert.ElementsMatch(t, append([]string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildPullRequestLogsAFA90B77.Arn}",
		"Allow ecr:GetAuthorizationToken on *",
		"Allow " + push + " on arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/team/previews",
		"Allow " + pull + " on ${CacheRepository8754AB2F.Arn}",
		"Allow " + push + " on ${TierRepository0E45ADD2.Arn}",
		"Allow secretsmanager:GetSecretValue on arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:npm-??????",
		"Allow codeconnections:GetConnection codeconnections:GetConnectionToken on " + connection,
	}, helperStatements(helperKeys(p)...)...), policyOf(t, stack, pullRole))

	v := variablesOf(p)
	assert.Equal(t, "true", v["LAYERCACHE_WRITE"])
	assert.Equal(t, "true", v["LAYERCACHE_PUSH"])
	assert.Equal(t, "{commit}", v["LAYERCACHE_TAGS"])
	assert.Contains(t, v["LAYERCACHE_IMAGE"], "/team/previews")
	assert.Equal(t, uri("TierRepository0E45ADD2"), v["LAYERCACHE_REPOSITORY"])
	assert.Equal(t, uri("CacheRepository8754AB2F"), v["LAYERCACHE_FALLBACK_REPOSITORY"])
	assert.Contains(t, v, "LAYERCACHE_SECRET_NPM")
	assert.Equal(t, "/ci/pull-request/", resource(t, stack, "AWS::IAM::Role", pullRole)["Properties"].(map[string]any)["Path"])
}

func TestPullRequestsCreateBaseImageRepositoriesOnlyWithFirstPulls(t *testing.T) {
	for name, c := range map[string]struct {
		firstPulls *bool
		want       []string
	}{
		"by default, they pull only from existing repositories": {nil, nil},
		"with FirstPulls, they create and tag repositories": {
			jsii.Bool(true), []string{"ecr:CreateRepository", "ecr:TagResource"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newGitProps(t, stack)
			props.PullThrough = pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
				Template: &pullthrough.RepositoryTemplate{Tags: &map[string]*string{"team": jsii.String("platform")}},
			})
			props.PullRequests = &imagebuild.PullRequests{FirstPulls: c.firstPulls}
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Empty(t, synthtest.Errors(stack))
			policy := strings.Join(policyOf(t, stack, pullRole), "\n")
			assert.Contains(t, policy, "ecr:BatchImportUpstreamImage")
			for _, action := range []string{"ecr:CreateRepository", "ecr:TagResource"} {
				assert.Equal(t, slices.Contains(c.want, action), strings.Contains(policy, action), action)
			}
		})
	}
}

func TestPullRequestsHaveTheirOwnEnvironmentArgumentsAndLimit(t *testing.T) {
	for name, c := range map[string]struct {
		own         *imagebuild.PullRequests
		environment map[string]string
		extra       string
		limit       float64
		infos       []string
	}{
		"by default, only the limit of release builds, with a note": {
			own: &imagebuild.PullRequests{}, limit: 3,
			infos: []string{
				"builds of pull requests do not get Environment; set PullRequests.Environment to the values that they need, or to an empty value",
				"builds of pull requests do not get Build.Extra; set PullRequests.Extra to the values that they need, or to an empty value",
			},
		},
		"empty values, without a note": {
			own:   &imagebuild.PullRequests{Environment: &map[string]*string{}, Extra: &[]*string{}},
			limit: 3,
		},
		"the values of PullRequests": {
			own: &imagebuild.PullRequests{
				Environment: &map[string]*string{"HTTPS_PROXY": jsii.String("http://proxy"), "LAYERCACHE_PARALLELISM": jsii.String("2")},
				Extra:       jsii.Strings("--label=team=shop"), ConcurrentBuildLimit: jsii.Number(1),
			},
			environment: map[string]string{"HTTPS_PROXY": "http://proxy", "LAYERCACHE_PARALLELISM": "2"},
			extra:       `["--label=team=shop"]`, limit: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newGitProps(t, stack)
			props.Environment = &map[string]*string{"HTTPS_PROXY": jsii.String("http://user@proxy"), "REGISTRY_TOKEN": jsii.String("t")}
			props.Build = &imagebuild.BuildOptions{Extra: jsii.Strings("--allow=security.insecure")}
			props.ConcurrentBuildLimit, props.PullRequests = jsii.Number(3), c.own
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Empty(t, synthtest.Errors(stack))
			assert.Equal(t, c.infos, synthtest.Infos(stack))

			release, own := variables(t, stack), project(t, stack, "BuildPullRequestProject")
			assert.Equal(t, "t", release["REGISTRY_TOKEN"])
			assert.Equal(t, `["--allow=security.insecure"]`, release["LAYERCACHE_ARGS"])
			assert.Equal(t, 3.0, project(t, stack, "BuildProject")["ConcurrentBuildLimit"])

			given := variablesOf(own)
			for _, name := range []string{"HTTPS_PROXY", "REGISTRY_TOKEN", "LAYERCACHE_PARALLELISM"} {
				assert.Equal(t, c.environment[name], given[name], name)
			}
			assert.Equal(t, c.extra, given["LAYERCACHE_ARGS"])
			assert.Equal(t, c.limit, own["ConcurrentBuildLimit"])
		})
	}
}

func TestPullRequestsReadAnInlineCacheFromTheReleasedImage(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, synthtest.Stack())
	props.Cache, props.CacheMode = nil, imagebuild.InlineCache
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	policy := policyOf(t, stack, pullRole)
	assert.Contains(t, policy, "Allow "+pull+" on ${BuildImage47D28642.Arn}")
	for _, statement := range policy {
		assert.NotContains(t, statement, "ecr:PutImage")
	}
}

func TestPullRequestsReadAnS3CacheAndWriteNone(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, synthtest.Stack())
	props.Cache, props.CacheMode, props.CacheBucket = nil, imagebuild.S3Cache, cacheBucket(stack)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	policy := policyOf(t, stack, pullRole)
	assert.Contains(t, policy, "Allow s3:GetObject on arn:${AWS::Partition}:s3:::layers/layercache/*")
	for _, statement := range policy {
		assert.NotContains(t, statement, "s3:PutObject")
	}
}

func TestAWebhookWithoutPullRequestsMakesOneProject(t *testing.T) {
	stack := synthtest.Stack()
	props := newGitProps(t, stack)
	props.Triggers.Webhook.Filters = &[]*imagebuild.FilterGroup{{Events: &[]awscodebuild.EventAction{awscodebuild.EventAction_PUSH}}}
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Len(t, synthtest.Resources(stack, "AWS::CodeBuild::Project"), 1)
	assert.Nil(t, build.PullRequestProject())
	assert.Nil(t, build.PullRequestRole())
	assert.Nil(t, build.PullRequestLogGroup())
	assert.Nil(t, build.PullRequestBuildPolicy())
}

func TestPullRequestsWithoutAWebhookMakeAProject(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Source = imagebuild.Source_GitHubEnterprise(jsii.String("https://git.example.com/team/api"), nil)
	props.PullRequests = &imagebuild.PullRequests{}
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	assert.Empty(t, synthtest.Errors(stack))
	assert.NotContains(t, project(t, stack, "BuildPullRequestProject"), "Triggers")
	assert.NotNil(t, build.PullRequestProject().ProjectName())
	assert.NotNil(t, build.PullRequestRole().RoleArn())
	assert.NotNil(t, build.PullRequestLogGroup().LogGroupArn())
	assert.Equal(t, `{"requiresCommentApproval":"FORK_PULL_REQUESTS"}`, *build.PullRequestBuildPolicy())
}

func TestAnApprovalIsNotInForceWithoutAWebhookOfTheStack(t *testing.T) {
	const policy = "no webhook of this stack builds pull requests, so PullRequests.Approval is not in force. If you create one with `aws codebuild create-webhook`, " +
		"give it --filter-groups and --pull-request-build-policy '%s' (docs/how-to/pull-requests.md)"
	noEffect := atBuild("PullRequests.Approval: has no effect without a webhook that builds pull requests, nor have ApproverRoles; " +
		"set Triggers.Webhook with events of pull requests, or leave them out")
	enterprise := imagebuild.Source_GitHubEnterprise(jsii.String("https://git.example.com/team/api"), nil)
	github := imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), nil)
	pushes := &imagebuild.Triggers{Webhook: &imagebuild.Webhook{Filters: &[]*imagebuild.FilterGroup{{Events: &[]awscodebuild.EventAction{awscodebuild.EventAction_PUSH}}}}}
	approvers := &imagebuild.PullRequests{Approval: imagebuild.FullApproval, ApproverRoles: jsii.Strings("GITHUB_WRITE", "GITHUB_ADMIN")}
	const approved = `{"requiresCommentApproval":"ALL_PULL_REQUESTS","approverRoles":["GITHUB_WRITE","GITHUB_ADMIN"]}`
	const forks = `{"requiresCommentApproval":"FORK_PULL_REQUESTS"}`
	for name, c := range map[string]struct {
		source         imagebuild.ISource
		triggers       *imagebuild.Triggers
		pulls          *imagebuild.PullRequests
		errors         []string
		warning, infos string
	}{
		"GitHub Enterprise with the default":             {source: enterprise, pulls: &imagebuild.PullRequests{}, infos: forks},
		"GitHub Enterprise with an approval":             {source: enterprise, pulls: approvers, warning: approved},
		"GitHub Enterprise with approvers":               {source: enterprise, pulls: &imagebuild.PullRequests{ApproverRoles: jsii.Strings("GITHUB_ADMIN")}, warning: `{"requiresCommentApproval":"FORK_PULL_REQUESTS","approverRoles":["GITHUB_ADMIN"]}`},
		"GitHub without a webhook, with the default":     {source: github, pulls: &imagebuild.PullRequests{}, infos: forks},
		"GitHub without a webhook, with an approval":     {source: github, pulls: approvers, errors: noEffect},
		"GitHub with a webhook for pushes alone":         {source: github, triggers: pushes, pulls: approvers, errors: noEffect},
		"GitHub with a webhook that has pull requests":   {source: github, triggers: &imagebuild.Triggers{Webhook: &imagebuild.Webhook{}}, pulls: approvers},
		"GitHub with a webhook and without PullRequests": {source: github, triggers: &imagebuild.Triggers{Webhook: &imagebuild.Webhook{}}},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			props.Source, props.Triggers, props.PullRequests = c.source, c.triggers, c.pulls
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, c.errors, synthtest.Errors(stack))
			message := func(policyOf string) []string {
				if policyOf == "" {
					return nil
				}
				return []string{fmt.Sprintf(policy, policyOf)}
			}
			warnings := message(c.warning)
			for i := range warnings {
				warnings[i] += " [ack: layercache:approval-by-hand]"
			}
			assert.Equal(t, warnings, synthtest.Warnings(stack))
			assert.Equal(t, message(c.infos), synthtest.Infos(stack))
		})
	}
}

func TestPullRequestsMustNotWriteWhatReleasesOfAnotherBuildUse(t *testing.T) {
	cache := func(stack awscdk.Stack, id, name string) cacherepo.ICacheRepository {
		return cacherepo.CacheRepository_FromCacheRepositoryAttributes(stack, &id, &cacherepo.CacheRepositoryAttributes{RepositoryName: &name})
	}
	previews := func(name string) func(awscdk.Stack, *imagebuild.ImageBuildProps) {
		return func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
			p.PullRequests = &imagebuild.PullRequests{Image: importedRepository(s, "Previews", name)}
		}
	}
	writes := func(id, name string) func(awscdk.Stack, *imagebuild.ImageBuildProps) {
		return func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
			p.PullRequests = &imagebuild.PullRequests{Cache: cache(s, id, name)}
		}
	}
	releases := func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
		p.Image = importedRepository(s, "Released", "team/api")
	}
	reads := func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { p.Cache = cache(s, "Read", "team/cache") }
	readsOnly := func(s awscdk.Stack, p *imagebuild.ImageBuildProps) { reads(s, p); p.CacheWrite = jsii.Bool(false) }
	watches := func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
		p.Triggers = &imagebuild.Triggers{BaseImages: &[]*imagebuild.BaseImage{{Repository: importedRepository(s, "Base", "team/base")}}}
	}
	bakes := func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
		p.Triggers, p.Bake = nil, &imagebuild.Bake{Images: &map[string]awsecr.IRepository{"api": importedRepository(s, "Released", "team/api")}}
	}
	for name, c := range map[string]struct {
		// web has the pull requests.
		web, api func(awscdk.Stack, *imagebuild.ImageBuildProps)
		// webFirst and apiFirst are the problems by the build that is made first.
		webFirst, apiFirst string
	}{
		"images": {
			previews("team/api"), releases,
			"Test/Api: Image: is a repository that pull requests of Test/Web push to, where one could replace a release; use another repository here or there",
			"Test/Web: PullRequests.Image: is the image repository of Test/Api, where a pull request could replace a release; use another repository, or leave it out",
		},
		"images of a bake file": {
			previews("team/api"), bakes,
			`Test/Api: Bake.Images["api"]: is a repository that pull requests of Test/Web push to, where one could replace a release; use another repository here or there`,
			"Test/Web: PullRequests.Image: is the image repository of Test/Api, where a pull request could replace a release; use another repository, or leave it out",
		},
		"caches": {
			writes("Written", "team/cache"), reads,
			"Test/Api: Cache: is a repository that pull requests of Test/Web push to, where one could replace a cache; use another repository here or there",
			"Test/Web: PullRequests.Cache: is the cache repository of Test/Api, where a pull request could replace a cache; use another repository, or leave it out",
		},
		"a cache that releases only read": {
			writes("Written", "team/cache"), readsOnly,
			"Test/Api: Cache: is a repository that pull requests of Test/Web push to, where one could replace a cache; use another repository here or there",
			"Test/Web: PullRequests.Cache: is the cache repository of Test/Api, where a pull request could replace a cache; use another repository, or leave it out",
		},
		"an image and a cache": {
			previews("team/cache"), reads,
			"Test/Api: Cache: is a repository that pull requests of Test/Web push to, where one could replace a cache; use another repository here or there",
			"Test/Web: PullRequests.Image: is the cache repository of Test/Api, where a pull request could replace a cache; use another repository, or leave it out",
		},
		"a cache and an image": {
			writes("Written", "team/api"), releases,
			"Test/Api: Image: is a repository that pull requests of Test/Web push to, where one could replace a release; use another repository here or there",
			"Test/Web: PullRequests.Cache: is the image repository of Test/Api, where a pull request could replace a release; use another repository, or leave it out",
		},
		"a base image": {
			previews("team/base"), watches,
			"Test/Api: Triggers.BaseImages[0]: is a repository that pull requests of Test/Web push to, where one could replace a base image; use another repository here or there",
			"Test/Web: PullRequests.Image: is the base image repository of Test/Api, where a pull request could replace a base image; use another repository, or leave it out",
		},
		"an image of pull requests in a cache of pull requests": {
			previews("team/previews"), writes("Written", "team/previews"),
			"Test/Api: PullRequests.Cache: is the image repository of pull requests of Test/Web: pushing the image would overwrite the cache; use another repository here or there",
			"Test/Web: PullRequests.Image: is the cache repository of pull requests of Test/Api: pushing the image would overwrite the cache; use another repository here or there",
		},
		"one cache for the pull requests of both":   {writes("Written", "team/pull-requests"), writes("Too", "team/pull-requests"), "", ""},
		"a repository for pull requests of its own": {previews("team/previews"), releases, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range []struct {
				builds []string
				want   string
			}{{[]string{"Web", "Api"}, c.webFirst}, {[]string{"Api", "Web"}, c.apiFirst}} {
				stack := synthtest.Stack()
				web := newGitProps(t, stack)
				api := *web
				c.web(stack, web)
				c.api(stack, &api)
				for _, build := range order.builds {
					imagebuild.NewImageBuild(stack, &build, map[string]*imagebuild.ImageBuildProps{"Api": &api, "Web": web}[build])
				}
				assert.Equal(t, order.want, strings.Join(synthtest.Errors(stack), "\n"), order.builds)
			}
		})
	}
}

func TestPullRequestsMustNotWriteTheCacheOfReleasesInAnotherStack(t *testing.T) {
	app := awscdk.NewApp(nil)
	caches := awscdk.NewStack(app, jsii.String("Caches"), nil)
	props := newGitProps(t, caches)
	shared := cacherepo.NewCacheRepository(caches, jsii.String("Shared"), &cacherepo.CacheRepositoryProps{RepositoryName: jsii.String("team/shared")})
	web, api := awscdk.NewStack(app, jsii.String("Web"), nil), awscdk.NewStack(app, jsii.String("Api"), nil)

	pulls, release := *props, *props
	pulls.PullRequests = &imagebuild.PullRequests{Cache: shared}
	release.Cache = shared
	imagebuild.NewImageBuild(web, jsii.String("Build"), &pulls)
	imagebuild.NewImageBuild(api, jsii.String("Build"), &release)
	assert.Equal(t, []string{"Api/Build: Cache: is a repository that pull requests of Web/Build push to, where one could replace a cache; use another repository here or there"}, synthtest.Errors(api))
}

func TestProblemsOfPullRequests(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		want []string
	}{
		"a source without pull requests": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Source, p.Triggers, p.PullRequests = imagebuild.Source_None(), nil, &imagebuild.PullRequests{}
			},
			[]string{"PullRequests: a source of type NO_SOURCE has no pull requests; leave it out, or give a source at a Git host"},
		},
		"the cache of release builds": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.PullRequests = &imagebuild.PullRequests{Cache: p.Cache}
			},
			[]string{"PullRequests.Cache: is the cache of release builds, which pull requests must not write; use another cache repository, or leave it out"},
		},
		"a cache repository without a registry cache": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.PullRequests = &imagebuild.PullRequests{Cache: p.Cache}
				p.Cache, p.CacheMode = nil, imagebuild.NoCache
			},
			[]string{`PullRequests.Cache: is not used if CacheMode is "off"; leave it out`},
		},
		"images in the repository of release builds": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.ImageName = jsii.String("team/api")
				p.PullRequests = &imagebuild.PullRequests{Image: awsecr.Repository_FromRepositoryName(s, jsii.String("Same"), jsii.String("team/api"))}
			},
			[]string{"PullRequests.Image: is the image repository of release builds, where a pull request could replace a release; use another repository, or leave it out"},
		},
		"images in the cache repository": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.PullRequests = &imagebuild.PullRequests{Image: p.Cache.Repository()}
			},
			[]string{"PullRequests.Image: is a cache repository: pushing the image would overwrite the cache; use a separate repository for the images"},
		},
		"options without what they need, and values of the wrong form": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.RolePath = jsii.String("/ci/")
				p.PullRequests = &imagebuild.PullRequests{
					Tags: jsii.Strings("-"), Secrets: jsii.Bool(true), FirstPulls: jsii.Bool(true), Approval: "SOME", ApproverRoles: jsii.Strings("admin"), RolePath: jsii.String("/ci/pull-request/"),
				}
			},
			[]string{
				`PullRequests.Tags[0]: "-" has the wrong form; use at most 128 letters, digits, '.', '_' and '-', and the words {commit}, {branch} and {build}`,
				`PullRequests.Approval: "SOME" is unknown; use one of DISABLED, FORK_PULL_REQUESTS, ALL_PULL_REQUESTS`,
				`PullRequests.ApproverRoles[0]: "admin" is not a role at a Git host; use one such as GITHUB_WRITE, GITLAB_MAINTAINER or BITBUCKET_ADMIN`,
				"PullRequests.Tags: has no effect without PullRequests.Image; set PullRequests.Image, or leave it out",
				"PullRequests.Secrets: has no effect without Build.Secrets; set Build.Secrets, or leave it out",
				"PullRequests.FirstPulls: has no effect without PullThrough; set PullThrough, or leave it out",
				"PullRequests.RolePath: is below RolePath /ci/, which a cache may trust to write; give a path outside of RolePath",
			},
		},
		"settings that release builds have too": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.PullRequests = &imagebuild.PullRequests{
					Environment: &map[string]*string{"LAYERCACHE_TAGS": jsii.String("x"), "PIP": jsii.String("{{resolve:secretsmanager:pip}}")},
					Extra:       jsii.Strings("--tag=x"), ConcurrentBuildLimit: jsii.Number(0),
				}
			},
			[]string{
				"PullRequests.Extra[0]: --tag is set by Tags; set that instead",
				`PullRequests.Environment["LAYERCACHE_TAGS"]: is set by Tags; set that instead`,
				"PullRequests.ConcurrentBuildLimit: 0 is not a number of builds; give a whole number of at least 1",
				`PullRequests.Environment["PIP"]: is a secret, which logs and the console would show; use Build.Secrets`,
			},
		},
		"approvers without approval, and a path of the wrong form": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.PullRequests = &imagebuild.PullRequests{Approval: imagebuild.NoApproval, ApproverRoles: jsii.Strings("GITHUB_ADMIN"), RolePath: jsii.String("ci")}
			},
			[]string{
				`PullRequests.ApproverRoles: has no effect if Approval is "DISABLED"; leave it out, or change Approval`,
				`PullRequests.RolePath: "ci" has the wrong form; start and end it with a slash, such as /ci/pull-request/`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newGitProps(t, stack)
			c.set(stack, props)
			build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.NotNil(t, build.PullRequestRole(), "the program continues after a problem")
			assert.Equal(t, atBuild(c.want...), synthtest.Errors(stack))
		})
	}
}

func importedRepository(stack awscdk.Stack, id, name string) awsecr.IRepository {
	return awsecr.Repository_FromRepositoryName(stack, &id, &name)
}
