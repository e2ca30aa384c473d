// Package insight shows what the layer caches of image builds are worth: a
// CloudWatch dashboard and alarms over the figures that each build sends.
//
// Which figures these are is told at Names. The rules of metrics, alarms and
// dashboards are those of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html.
package insight

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// IInsight is where builds send their figures.
type IInsight interface {
	constructs.IConstruct

	// Namespace is the value of LAYERCACHE_METRICS_NAMESPACE.
	Namespace() *string
	// GrantPutMetrics lets the grantee send figures to the namespace.
	GrantPutMetrics(grantee awsiam.IGrantable) awsiam.Grant
}

// InsightProps are the props of an Insight.
type InsightProps struct {
	// Apps are the apps to show, at most 100. Required.
	Apps *[]*App

	// Namespace is the CloudWatch namespace that the builds send to, as their
	// variable LAYERCACHE_METRICS_NAMESPACE has it.
	// Default: "layercache".
	Namespace *string

	// DashboardName is the physical name of the dashboard: letters, digits, '-'
	// and '_'.
	// Default: CloudFormation makes a name.
	DashboardName *string

	// Period is the time that one point of a graph sums up and an alarm judges:
	// whole minutes, at most 1 day.
	// Default: 1 day.
	Period awscdk.Duration

	// Thresholds say when alarms go off.
	// Default: the default of each.
	Thresholds *Thresholds

	// AlarmActions are what alarms do when they go off, and nothing when they
	// end: at most 5. An action of an SNS topic is awscloudwatchactions.NewSnsAction.
	// Default: none; alarms only change colour.
	AlarmActions *[]awscloudwatch.IAlarmAction
}

// App is an app whose builds send figures.
type App struct {
	// Name is the App of the builds: their variable LAYERCACHE_APP. Required.
	Name *string

	// Label is how the dashboard, the alarms and the methods of Insight call the
	// app. Two apps of one name, in two accounts, need two labels.
	// Default: Name.
	Label *string

	// Account is where the builds run. When it is not the account of the stack,
	// that account must share its metrics with this one, as a source account of
	// CloudWatch cross-account observability:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Unified-Cross-Account.html.
	// Default: the account of the stack.
	Account *string

	// Region is where the builds run. The dashboard shows any region, but an
	// alarm watches its own alone: with another region here, say Alarms false
	// and make an Insight in that region.
	// Default: the region of the stack.
	Region *string

	// Alarms makes the alarms of the app.
	// Default: true.
	Alarms *bool
}

// Insight is a dashboard with a row for all apps and one for each, and three
// alarms for each app.
type Insight struct {
	constructs.Construct
	namespace *string
	period    awscdk.Duration
	apps      []*App
	dashboard awscloudwatch.Dashboard
	alarms    []awscloudwatch.Alarm
}

// NewInsight makes the dashboard and the alarms in the account and region of
// the stack of scope.
func NewInsight(scope constructs.Construct, id *string, props *InsightProps) *Insight {
	i := &Insight{}
	constructs.NewConstruct_Override(i, scope, id)
	if props == nil {
		props = &InsightProps{}
	}
	problems := check(i, props)
	validation.Report(i, problems)
	if len(problems) > 0 {
		props = &InsightProps{}
	}
	i.namespace = namespaceOrDefault(props.Namespace)
	i.period = props.Period
	if i.period == nil {
		i.period = awscdk.Duration_Days(jsii.Number(1))
	}
	if props.Apps != nil {
		i.apps = *props.Apps
	}
	for _, app := range i.apps {
		i.addAlarms(app, props.Thresholds.withDefaults())
	}
	if props.AlarmActions != nil {
		i.AddAlarmAction(*props.AlarmActions...)
	}
	i.addDashboard(props.DashboardName)
	return i
}

// Namespace is the value of LAYERCACHE_METRICS_NAMESPACE.
func (i *Insight) Namespace() *string { return i.namespace }

// GrantPutMetrics lets the grantee send figures to the namespace, in the
// account of the grantee, and to no other namespace.
func (i *Insight) GrantPutMetrics(grantee awsiam.IGrantable) awsiam.Grant {
	return grantPutMetrics(grantee, i.namespace)
}

// Dashboard is the dashboard.
func (i *Insight) Dashboard() awscloudwatch.Dashboard { return i.dashboard }

// Alarms are the alarms of all apps.
func (i *Insight) Alarms() []awscloudwatch.Alarm { return i.alarms }

// AddAlarmAction adds actions to every alarm.
func (i *Insight) AddAlarmAction(actions ...awscloudwatch.IAlarmAction) {
	for _, alarm := range i.alarms {
		alarm.AddAlarmAction(actions...)
	}
}

func (a *App) label() string {
	if a.Label != nil {
		return *a.Label
	}
	return *a.Name
}

func (a *App) hasAlarms() bool { return a.Alarms == nil || *a.Alarms }
