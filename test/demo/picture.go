package main

import (
	_ "embed"
	"fmt"
	"os"
	"text/template"
)

//go:embed picture.svg
var pictureSource string

// segment is a part of a bar: what a build spent its time on.
type segment struct {
	Class string
	X, W  float64
}

// bar is one build in the picture.
type bar struct {
	Name, Verdict string
	Y, End        float64
	Seconds       float64
	Segments      []segment
}

const (
	barsFrom  = 110.0
	barsWidth = 400.0
	firstBar  = 62.0
	barStep   = 42.0
)

// drawPicture writes the builds as a bar chart, an SVG file that is readable in light and dark.
func drawPicture(path string, builds []build) error {
	longest := 0.0
	for _, b := range builds {
		longest = max(longest, b.seconds)
	}
	var bars []bar
	for i, b := range builds {
		s := b.report.Seconds
		drawn := bar{Name: b.name, Verdict: fmt.Sprintf("%s, %s steps cached", b.report.Verdict, cachedSteps(b.report)), Y: firstBar + float64(i)*barStep, Seconds: b.seconds}
		x := barsFrom
		known := s.Setup + s.Login + s.Import + s.Build + s.Push + s.Export
		for _, part := range []struct {
			class   string
			seconds float64
		}{{"build", s.Build}, {"push", s.Push}, {"cache", s.Import + s.Export}, {"setup", s.Setup + s.Login + max(0, b.seconds-known)}} {
			width := part.seconds / longest * barsWidth
			drawn.Segments = append(drawn.Segments, segment{Class: part.class, X: x, W: width})
			x += width
		}
		drawn.End = x + 8
		bars = append(bars, drawn)
	}
	chart, err := template.New("picture").Parse(pictureSource)
	if err != nil {
		return fmt.Errorf("demo: draw the picture: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("demo: draw the picture: %w", err)
	}
	defer file.Close()
	return chart.Execute(file, bars)
}
