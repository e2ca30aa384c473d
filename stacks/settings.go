package stacks

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/imagebuild"
)

// retention maps days to the retention times of CloudWatch Logs.
var retention = map[float64]awslogs.RetentionDays{
	1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
	7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS, 120: awslogs.RetentionDays_FOUR_MONTHS,
	150: awslogs.RetentionDays_FIVE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	400: awslogs.RetentionDays_THIRTEEN_MONTHS, 545: awslogs.RetentionDays_EIGHTEEN_MONTHS, 731: awslogs.RetentionDays_TWO_YEARS,
	1096: awslogs.RetentionDays_THREE_YEARS, 1827: awslogs.RetentionDays_FIVE_YEARS, 2192: awslogs.RetentionDays_SIX_YEARS,
	2557: awslogs.RetentionDays_SEVEN_YEARS, 2922: awslogs.RetentionDays_EIGHT_YEARS, 3288: awslogs.RetentionDays_NINE_YEARS,
	3653: awslogs.RetentionDays_TEN_YEARS,
}

// retentionFix returns what to write instead of a number of days that CloudWatch Logs does not have.
func retentionFix(days float64) string {
	known := slices.Sorted(maps.Keys(retention))
	nearest := slices.MinFunc(known, func(a, b float64) int { return cmp.Compare(math.Abs(a-days), math.Abs(b-days)) })
	return fmt.Sprintf("use %v, the nearest, or another of %s", nearest, strings.ReplaceAll(strings.Trim(fmt.Sprint(known), "[]"), " ", ", "))
}

// settings returns the props with plain values.
func (b BuildConfig) settings() imagebuild.ImageBuildProps {
	props := imagebuild.ImageBuildProps{
		App:                  optional(b.App),
		Dockerfile:           optional(b.Dockerfile),
		Context:              optional(b.Context),
		Tags:                 list(b.Tags),
		SigningProfiles:      list(b.SigningProfiles),
		FallbackBranch:       optional(b.FallbackBranch),
		CacheMode:            imagebuild.CacheMode(b.CacheMode),
		CachePrefix:          optional(b.CachePrefix),
		CacheWrite:           b.CacheWrite,
		CachePolicy:          imagebuild.CachePolicy(b.CachePolicy),
		CacheCompression:     imagebuild.Compression(b.CacheCompression),
		CacheMounts:          list(b.CacheMounts),
		Purpose:              imagebuild.Purpose(b.Purpose),
		ImageCompression:     imagebuild.Compression(b.ImageCompression),
		Attestations:         imagebuild.Attestations(b.Attestations),
		Architecture:         imagebuild.Architecture(b.Architecture),
		ComputeType:          awscodebuild.ComputeType(b.ComputeType),
		Builder:              imagebuild.Builder(b.Builder),
		AutoRetryLimit:       b.AutoRetryLimit,
		ConcurrentBuildLimit: b.ConcurrentBuilds,
		Reports:              b.Reports,
		MetricsNamespace:     optional(b.MetricsNamespace),
		Environment:          table(b.Environment),
		HelperZip:            optional(b.HelperZip),
		Bake:                 b.Bake.settings(b.Name),
		Triggers:             &imagebuild.Triggers{RefreshOnSchedule: b.RefreshOnSchedule},
		Build: &imagebuild.BuildOptions{
			Target:       optional(b.Target),
			Arguments:    table(b.Arguments),
			Platforms:    list(b.Platforms),
			CrossCompile: b.CrossCompile,
			Provenance:   optional(b.Provenance),
			Sbom:         b.Sbom,
			Extra:        list(b.Extra),
		},
		Timeout:       minutes(b.TimeoutMinutes),
		QueuedTimeout: minutes(b.QueuedTimeoutMinutes),
	}
	if b.BuildImages != nil {
		images := map[imagebuild.Architecture]*string{}
		for architecture, id := range b.BuildImages {
			images[imagebuild.Architecture(architecture)] = jsii.String(id)
		}
		props.BuildImages = &images
	}
	if b.Deploy.isOn() {
		props.BuildOnDeploy = &imagebuild.BuildOnDeploy{
			SourceVersion: optional(b.Deploy.SourceVersion), Inputs: table(b.Deploy.Inputs), FunctionZip: optional(b.Deploy.FunctionZip),
		}
	}
	if b.DockerServer != nil && *orTrue(b.DockerServer.Enabled) {
		props.DockerServer = &imagebuild.DockerServer{ComputeType: awscodebuild.DockerServerComputeType(b.DockerServer.ComputeType)}
	}
	if b.Schedule != "" {
		props.Triggers.Schedule = awsevents.Schedule_Expression(jsii.String(b.Schedule))
	}
	if b.CacheMountLimitMiB != nil {
		props.CacheMountLimit = awscdk.Size_Mebibytes(b.CacheMountLimitMiB)
	}
	if b.LogRetentionDays != nil {
		props.LogRetention = retention[*b.LogRetentionDays]
	}
	return props
}

// minutes returns a duration, or nil for the default.
func minutes(number *float64) awscdk.Duration {
	if number == nil {
		return nil
	}
	return awscdk.Duration_Minutes(number)
}

// pullRequests returns the options of builds of pull requests.
func (b BuildConfig) pullRequests(rolePath string) *imagebuild.PullRequests {
	return &imagebuild.PullRequests{
		RolePath:             optional(rolePath),
		Tags:                 list(b.PullRequestTags),
		Secrets:              b.PullRequestSecrets,
		FirstPulls:           b.PullRequestFirstPulls,
		Environment:          table(b.PullRequestEnvironment),
		Extra:                list(b.PullRequestExtra),
		ConcurrentBuildLimit: b.PullRequestConcurrentBuilds,
		Approval:             imagebuild.Approval(b.PullRequestApproval),
		ApproverRoles:        list(b.PullRequestApproverRoles),
	}
}

// source returns the source of the build. connection is the ARN of the place's connection to the Git host, or
// "". scope holds what is imported by name; nil leaves that out.
func (b BuildConfig) source(connection string, scope constructs.Construct) imagebuild.ISource {
	s := b.Source
	options := &imagebuild.GitOptions{
		Version: optional(s.Version), CloneDepth: s.CloneDepth, Submodules: s.Submodules, ReportStatus: s.ReportStatus,
		ConnectionArn: optional(orDefault(s.Connection, connection)),
	}
	if s.Secret != "" {
		options.ConnectionArn = optional(s.Connection)
		if scope != nil {
			options.Secret = importSecret(scope, "SourceSecret", s.Secret, "")
		}
	}
	pair := func(given string) (owner, repository *string) {
		_, path := repositoryPath(given)
		first, second, _ := strings.Cut(path, "/")
		return jsii.String(first), jsii.String(second)
	}
	switch s.place() {
	case "github":
		owner, repository := pair(s.GitHub)
		return imagebuild.Source_GitHub(owner, repository, options)
	case "githubEnterprise":
		return imagebuild.Source_GitHubEnterprise(jsii.String(s.GitHubEnterprise), options)
	case "gitlab":
		_, path := repositoryPath(s.GitLab)
		return imagebuild.Source_GitLab(&path, options)
	case "gitlabSelfManaged":
		return imagebuild.Source_GitLabSelfManaged(jsii.String(s.GitLabSelfManaged), options)
	case "bitbucket":
		owner, repository := pair(s.Bitbucket)
		return imagebuild.Source_Bitbucket(owner, repository, options)
	case "codecommit":
		repository := awscodecommit.Repository_FromRepositoryName(scope, jsii.String("SourceRepository"), jsii.String(s.CodeCommit))
		return imagebuild.Source_CodeCommit(repository, &imagebuild.CodeCommitOptions{Version: optional(s.Version), Submodules: s.Submodules})
	case "s3":
		bucket, key, _ := strings.Cut(s.S3, "/")
		return imagebuild.Source_S3(awss3.Bucket_FromBucketName(scope, jsii.String("SourceBucket"), &bucket), &key)
	}
	return imagebuild.Source_Directory(jsii.String(s.Directory), &imagebuild.DirectoryOptions{Exclude: list(s.Exclude)})
}

// optional returns nil for the empty string, which stands for the default.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func list(values []string) *[]*string {
	if values == nil {
		return nil
	}
	return jsii.Strings(values...)
}

func table(values map[string]string) *map[string]*string {
	if values == nil {
		return nil
	}
	pointers := map[string]*string{}
	for name, value := range values {
		pointers[name] = jsii.String(value)
	}
	return &pointers
}
