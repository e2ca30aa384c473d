package insight

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// Thresholds define when the alarms of an app go off. A period without builds triggers no alarm.
type Thresholds struct {
	// HitRatio is the average hit ratio, 0 to 1, below which the alarm goes off.
	// Default: 0.2.
	HitRatio *float64

	// ExportFailures is the number of builds per Period that may fail to write their cache.
	// Default: 0, so the first failure triggers the alarm.
	ExportFailures *float64

	// OverheadSeconds is the number of seconds that the cache may cost a build more than it saves, on
	// average.
	// Default: 0, so the alarm goes off as soon as the cache costs time.
	OverheadSeconds *float64

	// MinimumBuilds is the number of builds per Period from which averages are evaluated, so that one cold
	// build triggers no alarm.
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

// addAlarms creates the alarms of an app. With too few builds, averages are replaced by a value that triggers
// no alarm.
func (i *Insight) addAlarms(app *App, t Thresholds) {
	if !app.hasAlarms() {
		return
	}
	label := app.label()
	average, count := awscloudwatch.Stats_AVERAGE(), awscloudwatch.Stats_SAMPLE_COUNT()
	i.addAlarm("HitRatio-"+label, &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(fmt.Sprintf("The layer cache of %s is rarely used: compare the verdicts of its latest builds", label)),
		Metric: i.expression(fmt.Sprintf("IF(builds >= %v, ratio, 1)", *t.MinimumBuilds), map[string]awscloudwatch.IMetric{
			"builds": i.metric(app, HitRatio, count, label),
			"ratio":  i.metric(app, HitRatio, average, label),
		}),
		ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
		Threshold:          t.HitRatio,
	})
	i.addAlarm("ExportFailures-"+label, &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(fmt.Sprintf("Builds of %s fail to write their layer cache: the warnings at the end of the build log name the cause", label)),
		Metric:             i.metric(app, ExportFailures, awscloudwatch.Stats_SUM(), label),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		Threshold:          t.ExportFailures,
	})
	i.addAlarm("Overhead-"+label, &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(fmt.Sprintf("The layer cache of %s costs more time than it saves: the build reports show whether it is worth keeping", label)),
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
