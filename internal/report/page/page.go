// Package page makes reports that are one HTML file: the figures as JSON, and a script that shows them. The script sets text
// and never HTML, and the page's policy lets no other script run and nothing be fetched, so that text from outside stays text.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

var (
	//go:embed page.html
	frame string
	//go:embed style.css
	style string
	//go:embed common.js
	common string
	//go:embed timeline.js
	timeline string
	//go:embed build.js
	build string
	//go:embed history.js
	history string
)

// Build is the page of one build.
func Build(data any) ([]byte, error) { return render(data, common+timeline+build) }

// History is the page of several builds.
func History(data any) ([]byte, error) { return render(data, common+history) }

// render relies on json.Marshal, which escapes what could end the script element.
func render(data any, script string) ([]byte, error) {
	content, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return []byte(strings.NewReplacer(
		"{{style}}", style, "{{styleHash}}", hash(style),
		"{{script}}", script, "{{scriptHash}}", hash(script),
		"{{data}}", string(content),
	).Replace(frame)), nil
}

func hash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
