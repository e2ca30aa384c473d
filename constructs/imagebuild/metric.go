package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// DefaultMetricsNamespace is where Metric looks when MetricsNamespace is not
// set.
const DefaultMetricsNamespace = "layercache"

// Metric is one of the helper's metrics of release builds, which they write
// when MetricsNamespace is set: HitRatio (0 to 1), SavedSeconds,
// OverheadSeconds, TotalSeconds, ExportFailures, ImportFailures, SavedUSD.
// Default: average over 5 minutes.
func (b *ImageBuild) Metric(name *string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	namespace := b.namespace
	if namespace == nil {
		namespace = jsii.String(DefaultMetricsNamespace)
	}
	metric := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     namespace,
		MetricName:    name,
		DimensionsMap: &map[string]*string{"App": b.app},
	})
	if options == nil {
		return metric
	}
	return metric.With(options)
}

// MetricBuilds counts release builds. Default: sum over 5 minutes.
func (b *ImageBuild) MetricBuilds(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricBuilds(options)
}

// MetricDuration is how long release builds take, in seconds. Default: average
// over 5 minutes.
func (b *ImageBuild) MetricDuration(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricDuration(options)
}

// MetricSucceededBuilds counts release builds that succeed. Default: sum over 5
// minutes.
func (b *ImageBuild) MetricSucceededBuilds(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricSucceededBuilds(options)
}

// MetricFailedBuilds counts release builds that fail. Default: sum over 5
// minutes.
func (b *ImageBuild) MetricFailedBuilds(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return b.release.project.MetricFailedBuilds(options)
}

// grantMetrics lets the role write to one namespace. The action has no
// resource; the condition is what limits it:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html.
func grantMetrics(role awsiam.IGrantable, namespace *string) {
	if namespace == nil {
		return
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("cloudwatch:PutMetricData"),
		ResourceArns: jsii.Strings("*"),
		Conditions:   &map[string]*map[string]any{"StringEquals": {"cloudwatch:namespace": namespace}},
	})
}
