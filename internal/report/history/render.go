package history

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/layercache/layercache/internal/report/page"
)

// Formats are what Render can make of builds; "junit" of one build alone.
var Formats = []string{"text", "markdown", "html", "junit", "json"}

// Render shows one build again, compares two, or follows more.
func Render(builds []Build, format string) ([]byte, error) {
	switch len(builds) {
	case 0:
		return nil, fmt.Errorf("there is no report to show")
	case 1:
		return renderOne(builds[0], format)
	case 2:
		c := Compare(builds[0], builds[1])
		return render(format, c.write, struct {
			Comparison `json:"comparison"`
		}{c})
	default:
		t := Follow(builds)
		return render(format, t.write, struct {
			Trend `json:"trend"`
		}{t})
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

func render(format string, write func(*document), data any) ([]byte, error) {
	out := &document{markdown: format == "markdown"}
	switch format {
	case "text", "markdown":
		write(out)
		return []byte(out.String()), nil
	case "html":
		return page.History(data)
	case "json":
		content, err := json.MarshalIndent(data, "", "  ")
		return append(content, '\n'), err
	case "junit":
		return nil, fmt.Errorf("format junit shows one report; give one, or take text, markdown, html or json")
	default:
		return nil, unknownFormat(format)
	}
}

func unknownFormat(format string) error {
	return fmt.Errorf("unknown format %q: expected %s", format, strings.Join(Formats, ", "))
}
