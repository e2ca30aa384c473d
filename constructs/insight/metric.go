package insight

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Name is the name of a metric that each build sends once, with the dimension App.
type Name string

const (
	// HitRatio is the share of steps that came from the cache: 0 to 1.
	HitRatio Name = "HitRatio"
	// SavedSeconds is the time that the cached steps would have taken, minus OverheadSeconds.
	SavedSeconds Name = "SavedSeconds"
	// OverheadSeconds is the time that import and export of the cache added to the build.
	OverheadSeconds Name = "OverheadSeconds"
	// TotalSeconds is the duration of the build.
	TotalSeconds Name = "TotalSeconds"
	// ExportFailures is 1 for a build that could not write its cache, else 0.
	ExportFailures Name = "ExportFailures"
	// ImportFailures is 1 for a build that could not read its cache, else 0.
	ImportFailures Name = "ImportFailures"
	// SavedUSD is the cost of the saved time, in US dollars.
	SavedUSD Name = "SavedUSD"
	// MountRestoreSeconds is how long a build that used cache mounts restored them. Other builds do not send it.
	MountRestoreSeconds Name = "MountRestoreSeconds"
	// MountFailures is 1 for a build that could not restore or save one of its cache mounts, else 0. Builds that used
	// none do not send it.
	MountFailures Name = "MountFailures"
)

// Names returns all metrics, in the order of the dashboard.
func Names() []Name {
	return []Name{HitRatio, SavedSeconds, OverheadSeconds, TotalSeconds, ExportFailures, ImportFailures, SavedUSD, MountRestoreSeconds, MountFailures}
}

// statistic returns the statistic that is meaningful over several builds.
func (n Name) statistic() *string {
	if n == ExportFailures || n == ImportFailures || n == MountFailures || n == SavedUSD {
		return awscloudwatch.Stats_SUM()
	}
	return awscloudwatch.Stats_AVERAGE()
}

const dimension = "App"

// Metric returns a metric of the app with that label, over the Period. The statistic is the sum for failures
// and money, else the average.
func (i *Insight) Metric(label string, name Name, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	metric := i.metric(i.app(label), name, name.statistic(), label)
	if options == nil {
		return metric
	}
	return metric.With(options)
}

// MetricHitRatio is the average HitRatio of the builds of an app.
func (i *Insight) MetricHitRatio(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, HitRatio, options)
}

// MetricSavedSeconds is the average of SavedSeconds of the builds of an app.
func (i *Insight) MetricSavedSeconds(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, SavedSeconds, options)
}

// MetricOverheadSeconds is the average of OverheadSeconds of the builds of an app.
func (i *Insight) MetricOverheadSeconds(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, OverheadSeconds, options)
}

// MetricTotalSeconds is the average of TotalSeconds of the builds of an app.
func (i *Insight) MetricTotalSeconds(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, TotalSeconds, options)
}

// MetricExportFailures is the number of builds of an app that could not write their cache.
func (i *Insight) MetricExportFailures(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, ExportFailures, options)
}

// MetricImportFailures is the number of builds of an app that could not read their cache.
func (i *Insight) MetricImportFailures(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, ImportFailures, options)
}

// MetricSavedUSD is the sum of SavedUSD of the builds of an app, in US dollars.
func (i *Insight) MetricSavedUSD(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, SavedUSD, options)
}

// MetricMountRestoreSeconds is the average of MountRestoreSeconds of the builds of an app that used cache mounts.
func (i *Insight) MetricMountRestoreSeconds(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, MountRestoreSeconds, options)
}

// MetricMountFailures is the number of builds of an app that could not restore or save one of their cache mounts.
func (i *Insight) MetricMountFailures(label string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return i.Metric(label, MountFailures, options)
}

func (i *Insight) metric(app *App, name Name, statistic *string, label string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     i.namespace,
		MetricName:    jsii.String(string(name)),
		DimensionsMap: &map[string]*string{dimension: app.Name},
		Statistic:     statistic,
		Period:        i.period,
		Label:         jsii.String(label),
		Account:       app.Account,
		Region:        app.Region,
	})
}

// app returns the app with the label. For an unknown label it reports a problem and returns an app of that
// name.
func (i *Insight) app(label string) *App {
	for _, app := range i.apps {
		if app.label() == label {
			return app
		}
	}
	validation.Report(i, []validation.Problem{{
		Prop:  "Apps",
		Wrong: fmt.Sprintf("a metric was requested for %q, which is not the label of an app", label),
		Fix:   "add the app, or use the label of a listed app",
	}})
	return &App{Name: jsii.String(label)}
}
