package insight

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// CloudWatch's quotas. 100 apps stay below the quota of 500 widgets per dashboard:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html.
const maxApps, maxActions, maxPeriod = 100, 5, 86400

var (
	appForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	accountForm   = regexp.MustCompile(`^[0-9]{12}$`)
	namespaceForm = regexp.MustCompile(`^[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}$`)
	dashboardForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
)

func check(scope constructs.Construct, props *InsightProps) validation.Problems {
	problems := append(checkApps(*awscdk.Stack_Of(scope).Region(), props.Apps), CheckSettings(props)...)
	if props.AlarmActions != nil && len(*props.AlarmActions) > maxActions {
		problems.Add("AlarmActions", fmt.Sprintf("an alarm cannot have %d actions", len(*props.AlarmActions)), fmt.Sprintf("give at most %d", maxActions))
	}
	return problems
}

// CheckSettings returns the problems of the props that are plain values, without those of Apps.
func CheckSettings(props *InsightProps) validation.Problems {
	var problems validation.Problems
	if props.Namespace != nil {
		problems = append(problems, checkNamespace(props.Namespace)...)
	}
	if validation.IsLiteral(props.DashboardName) && !dashboardForm.MatchString(*props.DashboardName) {
		problems.Add("DashboardName", fmt.Sprintf("%q has the wrong form", *props.DashboardName), "use at most 255 letters, digits, '-' and '_'")
	}
	if props.Period != nil && *props.Period.IsUnresolved() {
		problems.Add("Period", "is not known at synthesis", "give whole minutes, at most 1 day")
	} else if props.Period != nil {
		seconds := *props.Period.ToSeconds(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)})
		if seconds < 60 || seconds > maxPeriod || math.Mod(seconds, 60) != 0 {
			problems.Add("Period", fmt.Sprintf("%v seconds is not a valid period of an alarm", seconds), "give whole minutes, at most 1 day")
		}
	}
	return append(problems, checkThresholds(props.Thresholds.withDefaults())...)
}

func checkNamespace(namespace *string) []validation.Problem {
	wrong := ""
	switch {
	case namespace == nil:
		wrong = "is missing"
	case !validation.IsLiteral(namespace):
	case strings.HasPrefix(*namespace, "AWS/"):
		wrong = fmt.Sprintf("%q is reserved for AWS services", *namespace)
	case !namespaceForm.MatchString(*namespace):
		wrong = fmt.Sprintf("%q has the wrong form", *namespace)
	}
	if wrong == "" {
		return nil
	}
	return []validation.Problem{{Prop: "Namespace", Wrong: wrong, Fix: "use at most 255 letters, digits and . _ / # : -, such as layercache"}}
}

func checkApps(region string, apps *[]*App) validation.Problems {
	if apps == nil || len(*apps) == 0 {
		return []validation.Problem{{Prop: "Apps", Wrong: "is empty", Fix: "list at least one app, with the App of its ImageBuild"}}
	}
	var problems validation.Problems
	if len(*apps) > maxApps {
		problems.Add("Apps", fmt.Sprintf("%d apps do not fit on a dashboard", len(*apps)), fmt.Sprintf("give at most %d, and add the others to another Insight", maxApps))
	}
	labels := map[string]int{}
	for n, app := range *apps {
		prop := fmt.Sprintf("Apps[%d]", n)
		if app == nil || app.Name == nil {
			problems.Add(prop+".Name", "is missing", "give the App of an ImageBuild")
			continue
		}
		checkApp(&problems, prop, region, app)
		if first, taken := labels[app.label()]; taken {
			problems.Add(prop+".Label", fmt.Sprintf("%q is also the label of Apps[%d]", app.label(), first), "give each app its own label")
			continue
		}
		labels[app.label()] = n
	}
	return problems
}

func checkApp(problems *validation.Problems, prop, region string, app *App) {
	for _, c := range []struct {
		prop  string
		value *string
	}{{".Name", app.Name}, {".Label", app.Label}} {
		if c.value != nil && !appForm.MatchString(*c.value) {
			problems.Add(prop+c.prop, fmt.Sprintf("%q has the wrong form", *c.value), "use at most 64 letters, digits, '.', '_' and '-'")
		}
	}
	if validation.IsLiteral(app.Account) && !accountForm.MatchString(*app.Account) {
		problems.Add(prop+".Account", fmt.Sprintf("%q has the wrong form", *app.Account), "give the 12 digits of an account")
	}
	if app.Region != nil && *app.Region != region && app.hasAlarms() {
		problems.Add(prop+".Region", "is not the region of the stack, and an alarm watches only its own region",
			"set Alarms to false here and add an Insight in that region, or deploy the stack in that region")
	}
}

func checkThresholds(t Thresholds) []validation.Problem {
	var problems validation.Problems
	for _, c := range []struct {
		prop  string
		value float64
		ok    bool
		fix   string
	}{
		{"HitRatio", *t.HitRatio, *t.HitRatio >= 0 && *t.HitRatio <= 1, "give a number from 0 to 1"},
		{"ExportFailures", *t.ExportFailures, validation.IsAmount(*t.ExportFailures), "give 0 or more"},
		{"OverheadSeconds", *t.OverheadSeconds, validation.IsAmount(*t.OverheadSeconds), "give 0 or more"},
		{"MinimumBuilds", *t.MinimumBuilds, *t.MinimumBuilds >= 1 && validation.IsAmount(*t.MinimumBuilds), "give 1 or more"},
	} {
		if !c.ok {
			problems.Add("Thresholds."+c.prop, fmt.Sprintf("%v is out of range", c.value), c.fix)
		}
	}
	return problems
}
