// Package page makes reports that are one HTML file: the figures as JSON, and a script that shows them. The script sets text
// and never HTML, and the page's policy lets no other script run and nothing be fetched, so that text from outside stays text.
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
	//go:embed history.js
	history string
)

// Build is the page of one build.
func Build(data any) ([]byte, error) { return render(data, common+timeline+build) }

// History is the page of several builds.
func History(data any) ([]byte, error) { return render(data, common+history) }

// render relies on json.Marshal, which escapes what could end the script element. Marks that turn the direction of writing
// are shown as U+FFFD: they would turn our words around the text too.
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
