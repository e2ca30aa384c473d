package insight

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// graph is one graph of a row: its title and its figures.
type graph struct {
	title string
	names []Name
}

// graphs of an app's row; those of the first row show one figure of every app.
var (
	appGraphs = []graph{
		{"hit ratio", []Name{HitRatio}},
		{"seconds of a build", []Name{TotalSeconds, OverheadSeconds, SavedSeconds}},
		{"builds with cache trouble", []Name{ExportFailures, ImportFailures}},
		{"US dollars saved", []Name{SavedUSD}},
	}
	overviewGraphs = []graph{
		{"Hit ratio", []Name{HitRatio}},
		{"Seconds saved, a build", []Name{SavedSeconds}},
		{"Builds that could not write their cache", []Name{ExportFailures}},
		{"US dollars saved", []Name{SavedUSD}},
	}
)

// addDashboard puts a row for all apps above one for each.
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

// widget is a quarter of a row. The axis begins at zero, and a ratio's ends at 1.
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
