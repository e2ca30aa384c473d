package cacherepo

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// MetricRepositoryPullCount counts the pulls from the repository, in its own account and region. Default of
// the options: the sum over 5 minutes.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-repository-metrics.html
func (c *CacheRepository) MetricRepositoryPullCount(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	metric := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String("AWS/ECR"),
		MetricName:    jsii.String("RepositoryPullCount"),
		DimensionsMap: &map[string]*string{"RepositoryName": c.RepositoryName()},
		Statistic:     jsii.String("Sum"),
		Account:       literal(c.owner.account),
		Region:        literal(c.owner.region),
	})
	if options == nil {
		return metric
	}
	return metric.With(options)
}

// OnCachePushed starts a target when a build has exported a cache: on the event "ECR Image Action" of a
// successful push. The event's detail has the tag. The event exists only in the account and region of the
// repository; for a repository imported from elsewhere OnCachePushed reports an error.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
func (c *CacheRepository) OnCachePushed(id *string, options *awsevents.OnEventOptions) awsevents.Rule {
	if options == nil {
		options = &awsevents.OnEventOptions{}
	}
	stack := awscdk.Stack_Of(c)
	if differ(c.owner.account, stack.Account()) || differ(c.owner.region, stack.Region()) {
		validation.Report(c, []validation.Problem{{
			Prop: "OnCachePushed", Wrong: "the events of the repository exist only in its own account and region", Fix: "create the rule there",
		}})
	}
	rule := awsevents.NewRule(c, id, &awsevents.RuleProps{
		Description: options.Description,
		RuleName:    options.RuleName,
		EventPattern: &awsevents.EventPattern{
			Source:     jsii.Strings("aws.ecr"),
			DetailType: jsii.Strings("ECR Image Action"),
			Detail: &map[string]any{
				"action-type":     jsii.Strings("PUSH"),
				"result":          jsii.Strings("SUCCESS"),
				"repository-name": &[]*string{c.RepositoryName()},
			},
		},
	})
	if options.EventPattern != nil {
		rule.AddEventPattern(options.EventPattern)
	}
	if options.Target != nil {
		rule.AddTarget(options.Target)
	}
	return rule
}

// differ reports whether two values are known at synthesis and not equal.
func differ(a, b *string) bool {
	return validation.IsLiteral(a) && validation.IsLiteral(b) && *a != *b
}

// literal returns nil for a value that CloudFormation fills in.
func literal(s *string) *string {
	if !validation.IsLiteral(s) {
		return nil
	}
	return s
}
