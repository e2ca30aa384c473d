package insight

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// graph is one graph of a row: its title and its metrics.
type graph struct {
	title string
	names []Name
}

// appGraphs are the graphs of an app's row. overviewGraphs, in the first row, show one metric of every app.
var (
	appGraphs = []graph{
		{"hit ratio", []Name{HitRatio}},
		{"seconds of a build", []Name{TotalSeconds, OverheadSeconds, SavedSeconds, MountRestoreSeconds}},
		{"builds with cache trouble", []Name{ExportFailures, ImportFailures, MountFailures}},
		{"US dollars saved", []Name{SavedUSD}},
	}
	overviewGraphs = []graph{
		{"Hit ratio", []Name{HitRatio}},
		{"Seconds saved, a build", []Name{SavedSeconds}},
		{"Builds that could not write their cache", []Name{ExportFailures}},
		{"US dollars saved", []Name{SavedUSD}},
	}
)

// addDashboard creates a dashboard with a row for all apps, then one row for each app.
func (i *Insight) addDashboard(name *string) {
	rows := [][]awscloudwatch.IWidget{i.overview()}
	for _, app := range i.apps {
		rows = append(rows, i.row(app))
	}
	i.dashboard = awscloudwatch.NewDashboard(i, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName:   name,
		DefaultInterval: awscdk.Duration_Days(jsii.Number(30)),
	})
	for _, row := range rows {
		i.dashboard.AddWidgets(row...)
	}
}

func (i *Insight) overview() []awscloudwatch.IWidget {
	var row []awscloudwatch.IWidget
	for _, g := range overviewGraphs {
		var lines []awscloudwatch.IMetric
		for _, app := range i.apps {
			lines = append(lines, i.metric(app, g.names[0], g.names[0].statistic(), app.label()))
		}
		row = append(row, widget(g.title, g.names[0], lines))
	}
	return row
}

func (i *Insight) row(app *App) []awscloudwatch.IWidget {
	var row []awscloudwatch.IWidget
	for _, g := range appGraphs {
		var lines []awscloudwatch.IMetric
		for _, name := range g.names {
			lines = append(lines, i.metric(app, name, name.statistic(), string(name)))
		}
		row = append(row, widget(app.label()+": "+g.title, g.names[0], lines))
	}
	return row
}

// widget returns a graph, a quarter of a row wide. The axis starts at 0; for a ratio it ends at 1.
func widget(title string, name Name, lines []awscloudwatch.IMetric) awscloudwatch.IWidget {
	axis := &awscloudwatch.YAxisProps{Min: jsii.Number(0), ShowUnits: jsii.Bool(false)}
	if name == HitRatio {
		axis.Max = jsii.Number(1)
	}
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title:     jsii.String(title),
		Width:     jsii.Number(6),
		Height:    jsii.Number(6),
		Left:      &lines,
		LeftYAxis: axis,
	})
}
