package main

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"text/template"

	"github.com/layercache/layercache/test/speed/bench/flow"
)

//go:embed picture.svg
var pictureSource string

// panel is one phase in the picture, with a bar for each flow.
type panel struct {
	Title string
	Y     float64
	Bars  []bar
}

type bar struct {
	Name    string
	Mine    bool
	Y, W    float64
	Seconds string
	Label   float64
}

const (
	barsFrom  = 260.0
	barsWidth = 410.0
	barStep   = 24.0
	firstY    = 62.0
)

// drawPicture draws an SVG with the unchanged and the changed build of the workload "app" and the changed build of
// "helper", readable in light and dark mode. Bars of one workload have one scale.
func drawPicture(path string, r *results) error {
	var panels []panel
	y := firstY
	for _, one := range shown {
		longest := 0.0
		for _, other := range shown {
			for _, f := range flow.All() {
				if other.workload == one.workload && slices.Contains(other.flows, f.Key) {
					longest = max(longest, r.seconds(cell{loopbackKey, one.workload, other.phase, f.Key}).median)
				}
			}
		}
		if longest == 0 {
			continue
		}
		drawn := panel{Title: one.title, Y: y}
		y += 14
		for _, f := range flow.All() {
			s := r.seconds(cell{loopbackKey, one.workload, one.phase, f.Key})
			if s.n == 0 || !slices.Contains(one.flows, f.Key) {
				continue
			}
			width := max(1.5, s.median/longest*barsWidth)
			drawn.Bars = append(drawn.Bars, bar{
				Name: plain(f.Name), Mine: f.Key == flow.Layercache, Y: y, W: width, Seconds: seconds(s.median) + " s", Label: barsFrom + width + 7,
			})
			y += barStep
		}
		y += 30
		panels = append(panels, drawn)
	}
	chart, err := template.New("picture").Parse(pictureSource)
	if err != nil {
		return fmt.Errorf("bench: draw the picture: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("bench: draw the picture: %w", err)
	}
	defer file.Close()
	return chart.Execute(file, map[string]any{"Panels": panels, "Height": y, "Frame": y - 1, "Foot": footOf(r)})
}

// shown are the phases with bars.
var shown = []struct {
	workload, phase, title string
	flows                  []string
}{
	{"app", unchanged, "A base of 220 MB, 100 MB of dependencies: unchanged", flow.OfLayers()},
	{"app", source, "The same: source changed", flow.OfLayers()},
	{"helper", source, "A Go program with cache mounts (RUN --mount=type=cache): source changed", flow.OfMounts()},
}

// footOf returns the caption of the bars.
func footOf(r *results) string {
	foot := "Medians of " + runsText(r, loopbackKey, "app", unchanged, source) + ", registry on loopback"
	if len(r.Runs) > 0 {
		foot += fmt.Sprintf(", a machine with %d cores", r.Runs[0].Machine.Cores)
	}
	return foot + "; how it was measured: docs/evidence/benchmark.md"
}

// plain returns a name without Markdown.
func plain(name string) string {
	var text []rune
	for _, r := range name {
		if r != '`' {
			text = append(text, r)
		}
	}
	return string(text)
}
