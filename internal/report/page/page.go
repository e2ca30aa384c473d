// Package page renders reports as one HTML file: the figures as JSON, and a script that shows them. Text from
// outside stays text: the script never sets HTML, and the page's content security policy allows no other
// script and no request.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/layercache/layercache/internal/report/escape"
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
	//go:embed comparison.js
	comparison string
)

// Build renders the page of one build.
func Build(data any) ([]byte, error) { return render(data, common+timeline+build) }

// Comparison renders the page that compares two builds.
func Comparison(data any) ([]byte, error) { return render(data, common+comparison) }

// render puts the data and the script into the page. json.Marshal escapes everything that could end the
// script element. Characters that change the direction of writing become U+FFFD, because they would also
// affect the text around them.
func render(data any, script string) ([]byte, error) {
	content, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	content = bytes.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, content)
	return []byte(strings.NewReplacer(
		"{{style}}", style, "{{styleHash}}", hash(style),
		"{{script}}", script, "{{scriptHash}}", hash(script),
		"{{data}}", escape.Redact(string(content)),
	).Replace(frame)), nil
}

func hash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
