package stacks

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/constructs/validation"
)

// maxAppsOfDashboard is how many apps a dashboard shows. Three alarms for each stay below CloudFormation's
// limit of 500 resources in a stack.
const maxAppsOfDashboard = 100

func (d *DashboardConfig) isOn() bool { return d != nil && *orTrue(d.Enabled) }

// namespace returns the namespace of the metrics on the dashboard.
func (d *DashboardConfig) namespace() string { return orDefault(d.Namespace, "layercache") }

// metricsNamespace returns the namespace of a build's metrics, or "" for none.
func (c *Config) metricsNamespace(b BuildConfig) string {
	if b.MetricsNamespace == "" && c.Dashboard.isOn() {
		return c.Dashboard.namespace()
	}
	return b.MetricsNamespace
}

// appsOfDashboard returns the apps of the builds that write to the dashboard's namespace, in the order of the
// configuration.
func (c *Config) appsOfDashboard() []string {
	var apps []string
	for _, b := range c.Builds {
		if c.metricsNamespace(b) == c.Dashboard.namespace() && !slices.Contains(apps, b.App) {
			apps = append(apps, b.App)
		}
	}
	return apps
}

// addDashboards creates the stacks with the dashboards of a place: NAME-dashboard and the suffix of the place,
// and with more than 100 apps NAME-dashboard-2 and so on.
func (c *Config) addDashboards(scope constructs.Construct, p place) []awscdk.Stack {
	var made []awscdk.Stack
	if !c.Dashboard.isOn() {
		return nil
	}
	for apps := range slices.Chunk(c.appsOfDashboard(), maxAppsOfDashboard) {
		made = append(made, c.addDashboard(scope, p, len(made)+1, apps))
	}
	return made
}

func (c *Config) addDashboard(scope constructs.Construct, p place, number int, apps []string) awscdk.Stack {
	id := c.dashboardStackName(p)
	if number > 1 {
		id = fmt.Sprintf("%s-%d", id, number)
	}
	stack := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		Description: jsii.String("Dashboard and alarms of layer caches (layercache)"),
		Env:         environment(p.account, p.region),
	})
	validation.SetNames(stack, namesByConstruct())
	props := &insight.InsightProps{
		Namespace:     jsii.String(c.Dashboard.namespace()),
		DashboardName: optional(c.dashboardName(p, number)),
		Period:        minutes(c.Dashboard.PeriodMinutes),
		Thresholds:    c.Dashboard.Alarms.thresholds(),
		Apps:          &[]*insight.App{},
	}
	alarms := c.Dashboard.Alarms == nil || *orTrue(c.Dashboard.Alarms.Enabled)
	for _, app := range apps {
		*props.Apps = append(*props.Apps, &insight.App{Name: &app, Alarms: &alarms})
	}
	if alarms && len(p.alarmTopics) > 0 {
		actions := []awscloudwatch.IAlarmAction{}
		for i, topic := range p.alarmTopics {
			actions = append(actions, awscloudwatchactions.NewSnsAction(awssns.Topic_FromTopicArn(stack, jsii.String(fmt.Sprintf("Topic%d", i)), &topic)))
		}
		props.AlarmActions = &actions
	}
	insight.NewInsight(stack, jsii.String("Insight"), props)
	return stack
}

// dashboardName returns the name of a dashboard of a place, or "" if CloudFormation generates it. The dashboards of
// all regions of an account share their names, so the region is a part of the name if the account has several:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudwatch-dashboard.html.
func (c *Config) dashboardName(p place, number int) string {
	name := c.Dashboard.Name
	if name == "" {
		return ""
	}
	if slices.ContainsFunc(c.places(), func(other place) bool { return other.account == p.account && other.region != p.region }) {
		name += "-" + p.region
	}
	if number > 1 {
		name = fmt.Sprintf("%s-%d", name, number)
	}
	return name
}

func (a *AlarmsConfig) thresholds() *insight.Thresholds {
	if a == nil {
		return nil
	}
	return &insight.Thresholds{HitRatio: a.HitRatio, ExportFailures: a.ExportFailures, OverheadSeconds: a.OverheadSeconds, MinimumBuilds: a.MinimumBuilds}
}

// validateDashboard lets the construct check what it takes unchanged.
func (c *Config) validateDashboard(found *validation.Problems) {
	const key = "layercache.dashboard"
	for _, p := range c.places() {
		validateIDs(found, p.key+".alarmTopics", p.alarmTopics, topicForm, "give the ARN of an SNS topic")
		if len(p.alarmTopics) > 0 && !c.Dashboard.isOn() {
			found.Add(p.key+".alarmTopics", "has no effect without layercache.dashboard", "set layercache.dashboard to true, or leave it out")
		}
	}
	if !c.Dashboard.isOn() {
		return
	}
	period := c.Dashboard.PeriodMinutes
	if period != nil && (*period < 1 || *period != float64(int(*period))) {
		found.Add(key+".periodMinutes", fmt.Sprintf("%v is not a number of minutes", *period), "give whole minutes, at most 1440")
		period = nil
	}
	if len(c.Builds) > 0 && len(c.appsOfDashboard()) == 0 {
		found.Add(key+".namespace", fmt.Sprintf("no build writes metrics to %q", c.Dashboard.namespace()), "leave metricsNamespace out of the builds, or set the namespace to theirs")
	}
	name, last := "", (len(c.appsOfDashboard())-1)/maxAppsOfDashboard+1
	for _, p := range c.places() {
		if longer := c.dashboardName(p, last); len(longer) > len(name) {
			name = longer
		}
	}
	names := namesByConstruct()["*insight.Insight"]
	for _, p := range insight.CheckSettings(&insight.InsightProps{
		Namespace: jsii.String(c.Dashboard.namespace()), DashboardName: optional(name),
		Period: minutes(period), Thresholds: c.Dashboard.Alarms.thresholds(),
	}) {
		*found = append(*found, names.Problem(p))
	}
}
