package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/layercache/layercache/internal/report/escape"
)

// Deployment says which deployment to look for.
type Deployment struct {
	// Name is the name in the configuration, with which names of stacks and repositories begin.
	Name string
	// Prefixes are further repository prefixes of its pull-through cache.
	Prefixes []string
	// Region and Profile select the account; empty fields come from the SDK's default chain.
	Region, Profile string
}

// upstreamPrefixes are the repository prefixes of pull-through caches whose configuration sets none. They are those of
// constructs/pullthrough, which the helper does without, because it imports the CDK.
var upstreamPrefixes = []string{"azure", "chainguard", "docker-hub", "ecr", "ecr-public", "github", "gitlab", "k8s", "quay"}

// LeftInAccount returns what a deployment leaves in the account and region when its stacks are destroyed. Its
// calls only read. What the caller may not read is not checked.
func LeftInAccount(ctx context.Context, d Deployment) Leftovers {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(d.Region), config.WithSharedConfigProfile(d.Profile))
	var left Leftovers
	switch {
	case err != nil:
		left.notChecked("AWS: %v", err)
		return left
	case loaded.Region == "":
		left.notChecked("AWS: no region is set; use --region or AWS_REGION")
		return left
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		left.notChecked("AWS: no credentials; sign in (`aws sso login`, `aws configure`), or choose a profile with --profile or AWS_PROFILE")
		return left
	}
	return leftInAccount(ctx, loaded, d)
}

func leftInAccount(ctx context.Context, loaded aws.Config, d Deployment) Leftovers {
	s := leftoverSearch{Deployment: d, options: " --region " + loaded.Region}
	if d.Profile != "" {
		s.options += " --profile " + escape.Shell(d.Profile)
	}
	users := s.users(ctx, codebuild.NewFromConfig(loaded))
	s.repositories(ctx, awsecr.NewFromConfig(loaded), users)
	s.logGroups(ctx, cloudwatchlogs.NewFromConfig(loaded))
	s.reportGroups(ctx, codebuild.NewFromConfig(loaded))
	s.left.notChecked("secrets named ecr-pullthroughcache/…, which you created yourself; the stack CDKToolkit and the assets in its bucket, which all CDK apps of the account share; other accounts and regions")
	return s.left
}

// leftoverSearch collects the leftovers of a deployment in one account and region.
type leftoverSearch struct {
	Deployment
	left Leftovers
	// options are the options of the AWS CLI that select the account and region.
	options string
}

// failed notes that a call failed, so that kind was not checked.
func (s *leftoverSearch) failed(kind, action string, err error) {
	if isDenied(err) {
		s.left.notChecked("%s: not allowed to call %s", kind, action)
		return
	}
	s.left.notChecked("%s: %s: %v", kind, action, err)
}

// maxProjects is the largest number of projects that one call returns.
const maxProjects = 100

// users returns the projects that still use repositories, by the repositories' names.
func (s *leftoverSearch) users(ctx context.Context, builds *codebuild.Client) map[string][]string {
	var names []string
	for pages := codebuild.NewListProjectsPaginator(builds, &codebuild.ListProjectsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			s.failed("projects that use repositories", "codebuild:ListProjects", err)
			return nil
		}
		names = append(names, page.Projects...)
	}
	users := map[string][]string{}
	for some := range slices.Chunk(names, maxProjects) {
		out, err := builds.BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: some})
		if err != nil {
			s.failed("projects that use repositories", "codebuild:BatchGetProjects", err)
			return nil
		}
		for _, project := range out.Projects {
			if project.Environment == nil {
				continue
			}
			for _, v := range project.Environment.EnvironmentVariables {
				switch aws.ToString(v.Name) {
				case "LAYERCACHE_IMAGE", "LAYERCACHE_REPOSITORY", "LAYERCACHE_FALLBACK_REPOSITORY":
					_, repository, _ := strings.Cut(aws.ToString(v.Value), "/")
					users[repository] = append(users[repository], aws.ToString(project.Name))
				}
			}
		}
	}
	return users
}

func (s *leftoverSearch) repositories(ctx context.Context, registry *awsecr.Client, users map[string][]string) {
	prefixes := slices.Concat(upstreamPrefixes, s.Prefixes)
	for pages := awsecr.NewDescribeRepositoriesPaginator(registry, &awsecr.DescribeRepositoriesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			s.failed("repositories", "ecr:DescribeRepositories", err)
			return
		}
		for _, repository := range page.Repositories {
			name := aws.ToString(repository.RepositoryName)
			kind, note := "", ""
			switch {
			case strings.HasPrefix(name, s.Name+"/cache/"):
				kind, note = "cache repository", "builds of other accounts may use it"
			case strings.HasPrefix(name, s.Name+"/"):
				kind, note = "image repository", "kept with its images when its stack is destroyed"
			case slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix+"/") }):
				kind, note = "pull-through repository", "if a pull-through rule made it; others of the account may use it"
			default:
				continue
			}
			if projects := users[name]; len(projects) > 0 {
				note = "in use by the project " + projects[0] + ": run `npx cdk destroy` first"
			}
			s.left.add(kind, name, note, "aws ecr delete-repository --force --repository-name "+escape.Shell(name)+s.options)
		}
	}
}

// stackPrefixes returns the beginnings of the names of a deployment's stacks, with which CloudFormation begins
// the names of their resources.
func (s *leftoverSearch) stackPrefixes() []string {
	return []string{s.Name + "-build", s.Name + "-cache"}
}

// logGroups looks for log groups of the stacks, and for those that AWS Lambda makes for their functions, which
// CloudFormation does not know.
func (s *leftoverSearch) logGroups(ctx context.Context, logs *cloudwatchlogs.Client) {
	for _, prefix := range s.stackPrefixes() {
		for _, beginning := range []string{prefix, "/aws/lambda/" + prefix} {
			for pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &beginning}); pages.HasMorePages(); {
				page, err := pages.NextPage(ctx)
				if err != nil {
					s.failed("log groups", "logs:DescribeLogGroups", err)
					return
				}
				for _, group := range page.LogGroups {
					name := aws.ToString(group.LogGroupName)
					s.left.add("log group", name, "of a stack that may still exist", "aws logs delete-log-group --log-group-name "+escape.Shell(name)+s.options)
				}
			}
		}
	}
}

func (s *leftoverSearch) reportGroups(ctx context.Context, builds *codebuild.Client) {
	for pages := codebuild.NewListReportGroupsPaginator(builds, &codebuild.ListReportGroupsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			s.failed("report groups", "codebuild:ListReportGroups", err)
			return
		}
		for _, arn := range page.ReportGroups {
			_, name, _ := strings.Cut(arn, ":report-group/")
			if slices.ContainsFunc(s.stackPrefixes(), func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
				s.left.add("report group", name, "of a stack that may still exist", fmt.Sprintf("aws codebuild delete-report-group --delete-reports --arn %s%s", escape.Shell(arn), s.options))
			}
		}
	}
}
