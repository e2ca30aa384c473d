package insight_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

func apps(names ...string) *[]*insight.App {
	var apps []*insight.App
	for _, name := range names {
		apps = append(apps, &insight.App{Name: jsii.String(name)})
	}
	return &apps
}

func stackIn(account, region string) awscdk.Stack {
	return awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Test"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(account), Region: jsii.String(region)},
	})
}

// alarms returns the properties of alarms by their logical id without the construct's id and the hash, such
// as "HitRatioshop".
func alarms(t *testing.T, stack awscdk.Stack) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for id, r := range synthtest.Resources(stack, "AWS::CloudWatch::Alarm") {
		name := strings.TrimPrefix(id, "Insight")
		found[name[:len(name)-8]] = r["Properties"].(map[string]any)
	}
	return found
}

// queries returns the metrics of an alarm with an expression, by id.
func queries(t *testing.T, alarm map[string]any) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for _, q := range alarm["Metrics"].([]any) {
		query := q.(map[string]any)
		found[query["Id"].(string)] = query
	}
	return found
}

func TestEachAppHasThreeAlarmsThatNeedEnoughBuilds(t *testing.T) {
	stack := synthtest.Stack()
	insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{Apps: apps("shop")})

	found := alarms(t, stack)
	require.Len(t, found, 3)
	for _, alarm := range found {
		assert.Equal(t, "notBreaching", alarm["TreatMissingData"])
		assert.Equal(t, 1.0, alarm["EvaluationPeriods"])
		assert.Contains(t, alarm["AlarmDescription"], " of shop ")
		assert.NotContains(t, alarm, "AlarmActions")
	}
	hitRatio := found["HitRatioshop"]
	assert.Equal(t, "LessThanThreshold", hitRatio["ComparisonOperator"])
	assert.Equal(t, 0.2, hitRatio["Threshold"])
	assert.Equal(t, "IF(builds >= 5, ratio, 1)", queries(t, hitRatio)["expr_1"]["Expression"])
	assert.Equal(t, metricStat("HitRatio", "SampleCount"), queries(t, hitRatio)["builds"]["MetricStat"])
	assert.Equal(t, metricStat("HitRatio", "Average"), queries(t, hitRatio)["ratio"]["MetricStat"])

	failures := found["ExportFailuresshop"]
	assert.Equal(t, "GreaterThanThreshold", failures["ComparisonOperator"])
	assert.Equal(t, 0.0, failures["Threshold"])

	overhead := found["Overheadshop"]
	assert.Equal(t, "GreaterThanThreshold", overhead["ComparisonOperator"])
	assert.Equal(t, 0.0, overhead["Threshold"])
	assert.Equal(t, "IF(builds >= 5, 0 - saved, 0)", queries(t, overhead)["expr_1"]["Expression"])
	assert.Equal(t, metricStat("SavedSeconds", "SampleCount"), queries(t, overhead)["builds"]["MetricStat"])
	assert.Equal(t, metricStat("SavedSeconds", "Average"), queries(t, overhead)["saved"]["MetricStat"])
}

func metricStat(name, statistic string) map[string]any {
	return map[string]any{
		"Metric": map[string]any{
			"Namespace": "layercache", "MetricName": name,
			"Dimensions": []any{map[string]any{"Name": "App", "Value": "shop"}},
		},
		"Period": 86400.0, "Stat": statistic,
	}
}

func TestThresholdsPeriodAndActionsReachTheAlarms(t *testing.T) {
	stack := synthtest.Stack()
	topic := awssns.NewTopic(stack, jsii.String("Topic"), nil)
	insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{
		Apps:      apps("shop"),
		Namespace: jsii.String("ci/images"),
		Period:    awscdk.Duration_Hours(jsii.Number(6)),
		Thresholds: &insight.Thresholds{
			HitRatio: jsii.Number(0.5), ExportFailures: jsii.Number(2), OverheadSeconds: jsii.Number(10), MinimumBuilds: jsii.Number(1),
		},
		AlarmActions: &[]awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(topic)},
	})

	found := alarms(t, stack)
	assert.Equal(t, 0.5, found["HitRatioshop"]["Threshold"])
	assert.Equal(t, 2.0, found["ExportFailuresshop"]["Threshold"])
	assert.Equal(t, 10.0, found["Overheadshop"]["Threshold"])
	query := queries(t, found["HitRatioshop"])
	assert.Equal(t, "IF(builds >= 1, ratio, 1)", query["expr_1"]["Expression"])
	assert.Equal(t, 21600.0, query["ratio"]["MetricStat"].(map[string]any)["Period"])
	assert.Equal(t, "ci/images", query["ratio"]["MetricStat"].(map[string]any)["Metric"].(map[string]any)["Namespace"])
	for _, alarm := range found {
		require.Len(t, alarm["AlarmActions"], 1)
		assert.Contains(t, synthtest.Text(alarm["AlarmActions"].([]any)[0]), "${Topic")
	}
}

func TestAnAlarmWatchesTheAccountOfTheApp(t *testing.T) {
	stack := stackIn("111111111111", "eu-west-1")
	insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{Apps: &[]*insight.App{
		{Name: jsii.String("shop"), Account: jsii.String("222222222222"), Region: jsii.String("eu-west-1")},
	}})

	found := alarms(t, stack)
	require.Len(t, found, 3)
	for name, alarm := range found {
		for id, query := range queries(t, alarm) {
			if query["MetricStat"] != nil {
				assert.Equal(t, "222222222222", query["AccountId"], "%s: %s", name, id)
			}
		}
	}
	assert.Empty(t, synthtest.Errors(stack))
}

func TestAnAppOfAnotherRegionIsShownWithoutAlarms(t *testing.T) {
	stack := stackIn("111111111111", "eu-west-1")
	insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{Apps: &[]*insight.App{
		{Name: jsii.String("shop"), Label: jsii.String("shop-us"), Account: jsii.String("222222222222"), Region: jsii.String("us-east-1"), Alarms: jsii.Bool(false)},
	}})

	assert.Empty(t, alarms(t, stack))
	for _, w := range widgets(t, stack) {
		for _, line := range w.Properties.Metrics {
			options := line[len(line)-1].(map[string]any)
			assert.Equal(t, "222222222222", options["accountId"], w.Properties.Title)
			assert.Equal(t, "us-east-1", options["region"], w.Properties.Title)
		}
	}
	assert.Empty(t, synthtest.Errors(stack))
}

type widget struct {
	X, Y, Width float64
	Properties  struct {
		Title   string
		Metrics [][]any
	}
}

func widgets(t *testing.T, stack awscdk.Stack) []widget {
	t.Helper()
	body := synthtest.Properties(t, stack, "AWS::CloudWatch::Dashboard")["DashboardBody"]
	text := strings.ReplaceAll(synthtest.Text(body), "${AWS::Region}", "eu-west-1")
	var dashboard struct{ Widgets []widget }
	require.NoError(t, json.Unmarshal([]byte(text), &dashboard))
	return dashboard.Widgets
}

func TestTheDashboardHasARowForAllAppsAndOneForEach(t *testing.T) {
	stack := synthtest.Stack()
	insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{Apps: apps("shop", "web"), DashboardName: jsii.String("caches")})

	rows := map[float64][]string{}
	shown := map[string]int{}
	for _, w := range widgets(t, stack) {
		rows[w.Y] = append(rows[w.Y], w.Properties.Title)
		for _, line := range w.Properties.Metrics {
			assert.Equal(t, []any{"layercache", "App"}, []any{line[0], line[2]})
			shown[line[1].(string)+" of "+line[3].(string)]++
		}
	}
	assert.Equal(t, map[float64][]string{
		0:  {"Hit ratio", "Seconds saved, a build", "Builds that could not write their cache", "US dollars saved"},
		6:  {"shop: hit ratio", "shop: seconds of a build", "shop: builds with cache trouble", "shop: US dollars saved"},
		12: {"web: hit ratio", "web: seconds of a build", "web: builds with cache trouble", "web: US dollars saved"},
	}, rows)
	for _, name := range insight.Names() {
		assert.Positive(t, shown[string(name)+" of shop"], name)
		assert.Positive(t, shown[string(name)+" of web"], name)
	}
	assert.Equal(t, "caches", synthtest.Properties(t, stack, "AWS::CloudWatch::Dashboard")["DashboardName"])
}

func TestGrantPutMetricsAllowsOnlyTheNamespace(t *testing.T) {
	for name, make := range map[string]func(stack awscdk.Stack) insight.IInsight{
		"created here": func(stack awscdk.Stack) insight.IInsight {
			return insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{Apps: apps("shop"), Namespace: jsii.String("ci/images")})
		},
		"imported": func(stack awscdk.Stack) insight.IInsight {
			return insight.Insight_FromNamespace(stack, jsii.String("Insight"), jsii.String("ci/images"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			in := make(stack)
			in.GrantPutMetrics(awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
				AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
			}))
			assert.Equal(t, "ci/images", *in.Namespace())
			assert.Equal(t, []string{
				"Allow cloudwatch:PutMetricData on * if StringEquals=cloudwatch:namespace=ci/images",
			}, synthtest.RolePolicy(t, stack))
		})
	}
}

func TestEveryMetricOfAnApp(t *testing.T) {
	stack := stackIn("111111111111", "eu-west-1")
	in := insight.NewInsight(stack, jsii.String("Insight"), &insight.InsightProps{Apps: &[]*insight.App{
		{Name: jsii.String("shop"), Label: jsii.String("shop-prod"), Account: jsii.String("222222222222")},
	}})
	for name, metric := range map[string]func(string, *awscloudwatch.MetricOptions) awscloudwatch.Metric{
		"HitRatio Average":            in.MetricHitRatio,
		"SavedSeconds Average":        in.MetricSavedSeconds,
		"OverheadSeconds Average":     in.MetricOverheadSeconds,
		"TotalSeconds Average":        in.MetricTotalSeconds,
		"ExportFailures Sum":          in.MetricExportFailures,
		"ImportFailures Sum":          in.MetricImportFailures,
		"SavedUSD Sum":                in.MetricSavedUSD,
		"MountFailures Sum":           in.MetricMountFailures,
		"MountRestoreSeconds Average": in.MetricMountRestoreSeconds,
	} {
		got := metric("shop-prod", nil)
		assert.Equal(t, name, *got.MetricName()+" "+*got.Statistic())
		assert.Equal(t, map[string]any{"App": "shop"}, *got.Dimensions())
		assert.Equal(t, "222222222222", *got.Account())
		assert.Equal(t, "p90", *metric("shop-prod", &awscloudwatch.MetricOptions{Statistic: jsii.String("p90")}).Statistic())
	}
	assert.Empty(t, synthtest.Errors(stack))

	in.MetricHitRatio("web", nil)
	assert.Equal(t, []string{
		`Test/Insight: Apps: a metric was requested for "web", which is not the label of an app; add the app, or use the label of a listed app`,
	}, synthtest.Errors(stack))
}

func TestEveryProblemOfTheProps(t *testing.T) {
	actions := make([]awscloudwatch.IAlarmAction, 6)
	for i := range actions {
		actions[i] = awscloudwatchactions.NewSsmAction(awscloudwatchactions.OpsItemSeverity_LOW, "")
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = "app-" + strings.Repeat("x", i%50) + string(rune('a'+i/50))
	}
	const namespaceFix = "use at most 255 letters, digits and . _ / # : -, such as layercache"
	for name, c := range map[string]struct {
		props *insight.InsightProps
		lines []string
	}{
		"no props": {nil, []string{"Apps: is empty; list at least one app, with the App of its ImageBuild"}},
		"more apps than fit on a dashboard": {
			&insight.InsightProps{Apps: apps(many...)},
			[]string{"Apps: 101 apps do not fit on a dashboard; give at most 100, and add the others to another Insight"},
		},
		"apps with the same label, no name or the wrong form": {
			&insight.InsightProps{Apps: &[]*insight.App{
				{Name: jsii.String("shop")},
				{Name: jsii.String("shop"), Account: jsii.String("12"), Label: nil},
				{},
				{Name: jsii.String("a b"), Label: jsii.String("-")},
				{Name: jsii.String("web"), Region: jsii.String("us-east-1")},
			}},
			[]string{
				`Apps[1].Account: "12" has the wrong form; give the 12 digits of an account`,
				`Apps[1].Label: "shop" is also the label of Apps[0]; give each app its own label`,
				`Apps[2].Name: is missing; give the App of an ImageBuild`,
				`Apps[3].Name: "a b" has the wrong form; use at most 64 letters, digits, '.', '_' and '-'`,
				`Apps[3].Label: "-" has the wrong form; use at most 64 letters, digits, '.', '_' and '-'`,
				`Apps[4].Region: is not the region of the stack, and an alarm watches only its own region; set Alarms to false here and add an Insight in that region, or deploy the stack in that region`,
			},
		},
		"values out of range": {
			&insight.InsightProps{
				Apps: apps("shop"), Namespace: jsii.String("AWS/layercache"), DashboardName: jsii.String("a b"),
				Period: awscdk.Duration_Seconds(jsii.Number(90)), AlarmActions: &actions,
				Thresholds: &insight.Thresholds{
					HitRatio: jsii.Number(20), ExportFailures: jsii.Number(-1), OverheadSeconds: jsii.Number(-2), MinimumBuilds: jsii.Number(0),
				},
			},
			[]string{
				`Namespace: "AWS/layercache" is reserved for AWS services; ` + namespaceFix,
				`DashboardName: "a b" has the wrong form; use at most 255 letters, digits, '-' and '_'`,
				`Period: 90 seconds is not a valid period of an alarm; give whole minutes, at most 1 day`,
				`Thresholds.HitRatio: 20 is out of range; give a number from 0 to 1`,
				`Thresholds.ExportFailures: -1 is out of range; give 0 or more`,
				`Thresholds.OverheadSeconds: -2 is out of range; give 0 or more`,
				`Thresholds.MinimumBuilds: 0 is out of range; give 1 or more`,
				`AlarmActions: an alarm cannot have 6 actions; give at most 5`,
			},
		},
		"a period that is not known at synthesis": {
			&insight.InsightProps{Apps: apps("shop"), Period: awscdk.Duration_Minutes(jsii.Number(*awscdk.Token_AsNumber(map[string]any{"Ref": "Minutes"})))},
			[]string{`Period: is not known at synthesis; give whole minutes, at most 1 day`},
		},
		"numbers that CloudWatch has not": {
			&insight.InsightProps{Apps: apps("shop"), Thresholds: &insight.Thresholds{
				HitRatio: jsii.Number(math.NaN()), ExportFailures: jsii.Number(math.Inf(1)), OverheadSeconds: jsii.Number(math.NaN()), MinimumBuilds: jsii.Number(math.Inf(1)),
			}},
			[]string{
				`Thresholds.HitRatio: NaN is out of range; give a number from 0 to 1`,
				`Thresholds.ExportFailures: +Inf is out of range; give 0 or more`,
				`Thresholds.OverheadSeconds: NaN is out of range; give 0 or more`,
				`Thresholds.MinimumBuilds: +Inf is out of range; give 1 or more`,
			},
		},
		"a namespace with a space": {
			&insight.InsightProps{Apps: apps("shop"), Namespace: jsii.String("layer cache")},
			[]string{`Namespace: "layer cache" has the wrong form; ` + namespaceFix},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			insight.NewInsight(stack, jsii.String("Insight"), c.props)
			var want []string
			for _, line := range c.lines {
				want = append(want, "Test/Insight: "+line)
			}
			assert.Equal(t, want, synthtest.Errors(stack))
		})
	}
}

func TestAnImportedNamespaceIsChecked(t *testing.T) {
	stack := synthtest.Stack()
	assert.Equal(t, "layercache", *insight.Insight_FromNamespace(stack, jsii.String("Insight"), nil).Namespace())
	assert.Equal(t, []string{
		"Test/Insight: Namespace: is missing; use at most 255 letters, digits and . _ / # : -, such as layercache",
	}, synthtest.Errors(stack))
}
