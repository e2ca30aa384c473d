// Package insight shows whether layer caches are worth keeping: a CloudWatch dashboard and alarms on the
// metrics that each build sends.
//
// Names lists the metrics. Metrics, alarms and dashboards are described in
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

// IInsight is the target of the metrics of builds.
type IInsight interface {
	constructs.IConstruct

	// Namespace is the value of LAYERCACHE_METRICS_NAMESPACE.
	Namespace() *string
	// GrantPutMetrics lets the grantee send metrics to the namespace.
	GrantPutMetrics(grantee awsiam.IGrantable) awsiam.Grant
}

// InsightProps are the props of an Insight.
type InsightProps struct {
	// Apps are the apps to show, at most 100. Required.
	Apps *[]*App

	// Namespace is the CloudWatch namespace of the builds' metrics, the value of their variable
	// LAYERCACHE_METRICS_NAMESPACE.
	// Default: "layercache".
	Namespace *string

	// DashboardName is the physical name of the dashboard: letters, digits, '-' and '_'. An account has each name
	// once in all of its regions.
	// Default: CloudFormation generates a name.
	DashboardName *string

	// Period is the time span of one point of a graph and of one evaluation of an alarm: whole minutes, at
	// most 1 day.
	// Default: 1 day.
	Period awscdk.Duration

	// Thresholds define when alarms go off.
	// Default: the defaults of Thresholds.
	Thresholds *Thresholds

	// AlarmActions run when an alarm goes off (not when it ends): at most 5. For an SNS topic use
	// awscloudwatchactions.NewSnsAction.
	// Default: none.
	AlarmActions *[]awscloudwatch.IAlarmAction
}

// App is an app whose builds send metrics.
type App struct {
	// Name is the App of the builds, the value of their variable LAYERCACHE_APP. Required.
	Name *string

	// Label is the app's name in the dashboard, the alarms and the methods of Insight. Two apps with the same
	// name, in two accounts, need different labels.
	// Default: Name.
	Label *string

	// Account is the account of the builds. If it is not the account of the stack, it must share its metrics
	// with the account of the stack, as a source account of CloudWatch cross-account observability:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Unified-Cross-Account.html.
	// Default: the account of the stack.
	Account *string

	// Region is the region of the builds. The dashboard shows any region, but an alarm watches only its own
	// region: for another region, set Alarms to false and add an Insight in that region.
	// Default: the region of the stack.
	Region *string

	// Alarms creates the alarms of the app.
	// Default: true.
	Alarms *bool
}

// Insight is a dashboard with a row for all apps and one for each, and three alarms for each app.
type Insight struct {
	constructs.Construct
	namespace *string
	period    awscdk.Duration
	apps      []*App
	dashboard awscloudwatch.Dashboard
	alarms    []awscloudwatch.Alarm
}

// NewInsight creates the dashboard and the alarms in the account and region of scope's stack.
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

// GrantPutMetrics lets the grantee send metrics to this namespace only, in the grantee's account.
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
