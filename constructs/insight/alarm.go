package insight

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// Thresholds say when the alarms of an app go off. A period without builds is
// no reason.
type Thresholds struct {
	// HitRatio is the average, 0 to 1, below which the cache is hardly used.
	// Default: 0.2.
	HitRatio *float64

	// ExportFailures is the number of builds in a Period that may fail to write
	// their cache.
	// Default: 0: the first failure sets the alarm off.
	ExportFailures *float64

	// OverheadSeconds is by how many seconds a build may spend more on the cache
	// than it saves, on average.
	// Default: 0: the alarm goes off as soon as the cache costs time.
	OverheadSeconds *float64

	// MinimumBuilds is the number of builds in a Period from which averages are
	// judged, so that one cold build sets nothing off.
	// Default: 5.
	MinimumBuilds *float64
}

func (t *Thresholds) withDefaults() Thresholds {
	complete := Thresholds{}
	if t != nil {
		complete = *t
	}
	for _, d := range []struct {
		threshold **float64
		value     float64
	}{
		{&complete.HitRatio, 0.2},
		{&complete.ExportFailures, 0},
		{&complete.OverheadSeconds, 0},
		{&complete.MinimumBuilds, 5},
	} {
		if *d.threshold == nil {
			*d.threshold = jsii.Number(d.value)
		}
	}
	return complete
}

// addAlarms makes the alarms of an app. Averages are replaced by a value that
// is never too bad while there are too few builds.
func (i *Insight) addAlarms(app *App, t Thresholds) {
	if !app.hasAlarms() {
		return
	}
	label := app.label()
	average, count := awscloudwatch.Stats_AVERAGE(), awscloudwatch.Stats_SAMPLE_COUNT()
	i.addAlarm("HitRatio-"+label, &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(fmt.Sprintf("The layer cache of %s is hardly used: compare the verdicts of its latest builds", label)),
		Metric: i.expression(fmt.Sprintf("IF(builds >= %v, ratio, 1)", *t.MinimumBuilds), map[string]awscloudwatch.IMetric{
			"builds": i.metric(app, HitRatio, count, label),
			"ratio":  i.metric(app, HitRatio, average, label),
		}),
		ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
		Threshold:          t.HitRatio,
	})
	i.addAlarm("ExportFailures-"+label, &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(fmt.Sprintf("The layer cache of %s is not written: the warnings at the end of a build's log name the cause", label)),
		Metric:             i.metric(app, ExportFailures, awscloudwatch.Stats_SUM(), label),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		Threshold:          t.ExportFailures,
	})
	i.addAlarm("Overhead-"+label, &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(fmt.Sprintf("The layer cache of %s costs more time than it saves: see the reports of its builds for whether to keep it", label)),
		Metric: i.expression(fmt.Sprintf("IF(builds >= %v, 0 - saved, 0)", *t.MinimumBuilds), map[string]awscloudwatch.IMetric{
			"builds": i.metric(app, SavedSeconds, count, label),
			"saved":  i.metric(app, SavedSeconds, average, label),
		}),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		Threshold:          t.OverheadSeconds,
	})
}

func (i *Insight) addAlarm(id string, props *awscloudwatch.AlarmProps) {
	props.EvaluationPeriods = jsii.Number(1)
	props.TreatMissingData = awscloudwatch.TreatMissingData_NOT_BREACHING
	i.alarms = append(i.alarms, awscloudwatch.NewAlarm(i, jsii.String(id), props))
}

func (i *Insight) expression(expression string, metrics map[string]awscloudwatch.IMetric) awscloudwatch.MathExpression {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String(expression),
		UsingMetrics: &metrics,
		Period:       i.period,
	})
}
