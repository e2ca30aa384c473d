package comparison

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/report/page"
)

// Formats returns the formats of Render. "junit" can show one build only.
func Formats() []string { return []string{"text", "markdown", "html", "junit", "json"} }

// Render shows one build, or compares two.
func Render(builds []Build, format string) ([]byte, error) {
	switch len(builds) {
	case 1:
		return renderOne(builds[0], format)
	case 2:
		return renderTwo(Compare(builds[0], builds[1]), format)
	default:
		return nil, fmt.Errorf("cannot show %d reports: give one, or two to compare", len(builds))
	}
}

func renderOne(build Build, format string) ([]byte, error) {
	switch format {
	case "text":
		var out strings.Builder
		build.Summary(&out)
		return []byte(out.String()), nil
	case "markdown":
		return build.Markdown(), nil
	case "html":
		return build.HTML()
	case "junit":
		return build.JUnit()
	case "json":
		return build.JSON()
	}
	return nil, unknownFormat(format)
}

func renderTwo(c Comparison, format string) ([]byte, error) {
	data := struct {
		Comparison `json:"comparison"`
	}{c}
	switch format {
	case "text", "markdown":
		out := &document{markdown: format == "markdown"}
		c.write(out)
		return []byte(out.String()), nil
	case "html":
		return page.Comparison(data)
	case "json":
		content, err := json.MarshalIndent(data, "", "  ")
		return append(content, '\n'), err
	case "junit":
		return nil, errors.New("the format junit can show one report only: give one, or use text, markdown, html or json")
	}
	return nil, unknownFormat(format)
}

func unknownFormat(format string) error {
	return fmt.Errorf("unknown format %q: expected %s", escape.Value(format), strings.Join(Formats(), ", "))
}
