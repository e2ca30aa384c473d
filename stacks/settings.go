package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/imagebuild"
)

// retention are the retentions of CloudWatch Logs, by days.
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

// settings are the props that hold plain values.
func (b BuildConfig) settings() imagebuild.ImageBuildProps {
	props := imagebuild.ImageBuildProps{
		App:            optional(orDefault(b.App, b.Name)),
		Dockerfile:     optional(b.Dockerfile),
		Context:        optional(b.Context),
		Tag:            optional(b.Tag),
		FallbackBranch: optional(b.FallbackBranch),
		CacheWrite:     b.CacheWrite,
		Architecture:   imagebuild.Architecture(b.Architecture),
		ComputeType:    awscodebuild.ComputeType(b.ComputeType),
		HelperZip:      optional(b.HelperZip),
	}
	if b.TimeoutMinutes != nil {
		props.Timeout = awscdk.Duration_Minutes(b.TimeoutMinutes)
	}
	if b.LogRetentionDays != nil {
		props.LogRetention = retention[*b.LogRetentionDays]
	}
	if b.Environment != nil {
		environment := map[string]*string{}
		for name, value := range b.Environment {
			environment[name] = jsii.String(value)
		}
		props.Environment = &environment
	}
	return props
}

// optional is nil for the empty string, which stands for the default.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
