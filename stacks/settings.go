package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/imagebuild"
)

// retention maps days to the retention times of CloudWatch Logs.
var retention = map[float64]awslogs.RetentionDays{
	1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
	7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS, 120: awslogs.RetentionDays_FOUR_MONTHS,
	150: awslogs.RetentionDays_FIVE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	731: awslogs.RetentionDays_TWO_YEARS, 1827: awslogs.RetentionDays_FIVE_YEARS, 3653: awslogs.RetentionDays_TEN_YEARS,
}

func retentionDays() string {
	return strings.Trim(fmt.Sprint(slices.Sorted(maps.Keys(retention))), "[]")
}

// settings returns the props with plain values.
func (b BuildConfig) settings() imagebuild.ImageBuildProps {
	props := imagebuild.ImageBuildProps{
		App:              optional(b.App),
		Dockerfile:       optional(b.Dockerfile),
		Context:          optional(b.Context),
		Tags:             list(b.Tags),
		FallbackBranch:   optional(b.FallbackBranch),
		CacheWrite:       b.CacheWrite,
		Architecture:     imagebuild.Architecture(b.Architecture),
		ComputeType:      awscodebuild.ComputeType(b.ComputeType),
		MetricsNamespace: optional(b.MetricsNamespace),
		Environment:      table(b.Environment),
		HelperZip:        optional(b.HelperZip),
		Triggers:         &imagebuild.Triggers{},
		Build: &imagebuild.BuildOptions{
			Target:    optional(b.Target),
			Arguments: table(b.Arguments),
			Platforms: list(b.Platforms),
		},
	}
	if b.Webhook {
		props.Triggers.Webhook = &imagebuild.Webhook{}
	}
	if b.Schedule != "" {
		props.Triggers.Schedule = awsevents.Schedule_Expression(jsii.String(b.Schedule))
	}
	if b.TimeoutMinutes != nil {
		props.Timeout = awscdk.Duration_Minutes(b.TimeoutMinutes)
	}
	if b.LogRetentionDays != nil {
		props.LogRetention = retention[*b.LogRetentionDays]
	}
	return props
}

// pullRequests returns the options of builds of pull requests.
func (b BuildConfig) pullRequests(rolePath string) *imagebuild.PullRequests {
	return &imagebuild.PullRequests{
		RolePath:             optional(rolePath),
		Environment:          table(b.PullRequestEnvironment),
		ConcurrentBuildLimit: b.PullRequestConcurrentBuilds,
	}
}

// source returns the source of the build. connection is the ARN of a connection to the Git host, or "".
func (b BuildConfig) source(connection string) imagebuild.ISource {
	options := &imagebuild.GitOptions{Version: optional(b.Source.Version), ConnectionArn: optional(connection)}
	pair := func(path string) (owner, repository *string) {
		first, second, _ := strings.Cut(path, "/")
		return jsii.String(first), jsii.String(second)
	}
	switch {
	case b.Source.GitHub != "":
		owner, repository := pair(b.Source.GitHub)
		return imagebuild.Source_GitHub(owner, repository, options)
	case b.Source.GitLab != "":
		return imagebuild.Source_GitLab(jsii.String(b.Source.GitLab), options)
	case b.Source.Bitbucket != "":
		owner, repository := pair(b.Source.Bitbucket)
		return imagebuild.Source_Bitbucket(owner, repository, options)
	}
	return imagebuild.Source_Directory(jsii.String(b.Source.Directory), nil)
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
