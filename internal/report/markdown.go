package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

// shownActivities is how many of the longest activities report.md lists.
const shownActivities = 20

// Markdown returns report.md.
func (r *Report) Markdown() []byte {
	m := &markdownWriter{}
	verdict, reason, _ := strings.Cut(r.Line(), ": ")
	m.line("**%s**: %s", escape.Markdown(verdict), escape.Markdown(reason))
	m.line("")
	m.line("%s", r.facts())
	r.markdownProblems(m)
	r.markdownTargets(m)
	r.markdownMisses(m)
	r.markdownSteps(m)
	r.markdownMounts(m)
	r.markdownSeconds(m)
	r.markdownSavings(m)
	r.markdownCaches(m)
	return []byte(m.String())
}

// markdownWriter writes whole lines.
type markdownWriter struct{ strings.Builder }

func (m *markdownWriter) line(format string, values ...any) { fmt.Fprintf(m, format+"\n", values...) }

// heading writes a heading with one empty line before and after it.
func (m *markdownWriter) heading(text string) {
	if !strings.HasSuffix(m.String(), "\n\n") {
		m.line("")
	}
	m.line("### %s\n", text)
}

// table begins a table. Columns whose name begins with ">" are aligned to the right.
func (m *markdownWriter) table(columns ...string) {
	rule := "|"
	for i, column := range columns {
		if name, right := strings.CutPrefix(column, ">"); right {
			columns[i] = name
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	m.row(columns...)
	m.line("%s", rule)
}

func (m *markdownWriter) row(cells ...string) { m.line("| %s |", strings.Join(cells, " | ")) }

// facts returns the paragraph below the verdict.
func (r *Report) facts() string {
	parts := []string{}
	if r.App != "" {
		parts = append(parts, "App "+escape.Code(r.App))
	}
	if hits, counted := r.allHits(); r.HitRatio != nil {
		parts = append(parts, fmt.Sprintf("%d of %d steps came from %s (hit ratio %s)", hits, counted, r.hitsFromWords(), Decimal(r.HitRatio, 2)))
	}
	if line := r.PolicyLine(); line != "" {
		parts = append(parts, escape.Markdown(capital(line)))
	}
	builder := "Builder " + escape.Code(r.Builder)
	if r.BuilderReason != "" {
		builder += " (" + escape.Markdown(r.BuilderReason) + ")"
	}
	parts = append(parts, builder)
	if r.Frontend != "" {
		parts = append(parts, "The step names come from the frontend "+escape.Code(r.Frontend))
	}
	if !r.StartedAt.IsZero() {
		parts = append(parts, "Started "+r.StartedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if r.Image != "" {
		parts = append(parts, "Image "+escape.Code(r.Image))
	}
	return strings.Join(parts, ". ") + "."
}

// hitsFromWords returns where the cached steps came from.
func (r *Report) hitsFromWords() string {
	switch r.HitsFrom {
	case "builder":
		return "the builder's own cache, not from the configured cache"
	case "either":
		return "the cache or the builder's own cache"
	case "job":
		return "earlier builds of this job, not from the configured cache"
	case "cache-and-job":
		return "the cache and earlier builds of this job"
	default:
		return "the cache"
	}
}

func (r *Report) markdownProblems(m *markdownWriter) {
	if slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Error != "" }) {
		m.heading("What failed")
		for _, step := range r.Steps {
			if step.Error != "" {
				m.line("- %s: %s", escape.Code(step.Label()), escape.Markdown(step.Error))
			}
		}
	}
	if r.Help != nil {
		m.heading("What to do")
		m.line("%s: see <%s>", escape.Markdown(r.Help.Advice), r.Help.Address)
	}
	if warnings := r.warningsByText(); len(warnings) > 0 {
		m.heading("Warnings")
		for _, warning := range warnings {
			m.line("- %s", escape.Markdown(warning))
		}
	}
}

func (r *Report) markdownMisses(m *markdownWriter) {
	misses := r.FirstMisses()
	if len(misses) == 0 {
		return
	}
	m.heading("First steps that had to run")
	m.table("stage", "step", "why", "advice")
	for _, miss := range misses {
		step := r.Steps[miss.Step]
		m.row(escape.Code(step.Place()), escape.Code(step.Instruction), escape.Markdown(miss.cause()), escape.Markdown(miss.Advice))
	}
}

func (r *Report) markdownSteps(m *markdownWriter) {
	if len(r.Steps) == 0 {
		return
	}
	m.heading("Steps")
	for _, stage := range byPlace(r.Steps) {
		m.line("#### %s\n", escape.Markdown(r.Steps[stage[0]].Place()))
		m.table("step", "result", ">seconds", ">seconds when it last ran")
		for _, i := range stage {
			step := r.Steps[i]
			saved := ""
			if step.Cached {
				saved = Decimal(step.SavedSeconds, 2)
			}
			m.row(escape.Code(step.Instruction), step.result(), fmt.Sprintf("%.2f", step.Seconds), saved)
		}
		m.line("")
	}
}

func (r *Report) markdownSeconds(m *markdownWriter) {
	m.heading("Where the time went")
	m.table("part", ">seconds")
	s := r.Seconds
	for _, part := range s.Parts() {
		m.row(part.Name, fmt.Sprintf("%.2f", part.Seconds))
	}
	m.row("**total**", fmt.Sprintf("**%.2f**", s.Total))
	if len(r.Activities) == 0 {
		return
	}
	longest := slices.Clone(r.Activities)
	sort.SliceStable(longest, func(i, j int) bool { return longest[i].Seconds > longest[j].Seconds })
	m.line("")
	m.table("activity", "what", ">start, s", ">seconds", ">MB")
	for _, activity := range longest[:min(len(longest), shownActivities)] {
		size := ""
		if activity.Bytes > 0 {
			size = inMB(activity.Bytes)
		}
		m.row(escape.Markdown(activity.Kind), escape.Code(activity.Label), fmt.Sprintf("%.2f", activity.Start), fmt.Sprintf("%.2f", activity.Seconds), size)
	}
	if more := len(longest) - shownActivities; more > 0 {
		m.line("\nreport.json has %d shorter ones.", more)
	}
}

func (r *Report) markdownSavings(m *markdownWriter) {
	if r.Verdict == "off" {
		return
	}
	m.heading("What the cache saved")
	m.line("%s", escape.Markdown(capital(r.worthSentence())+"."))
	if len(r.Cost.Arithmetic) == 0 {
		return
	}
	m.line("")
	for _, line := range r.Cost.Arithmetic {
		m.line("- %s", escape.Markdown(line))
	}
}

func (r *Report) markdownCaches(m *markdownWriter) {
	if len(r.Caches) == 0 && r.Refs.Export == "" {
		return
	}
	m.heading("Caches")
	m.table("ref", "result", "problem")
	for _, cache := range r.Caches {
		m.row(escape.Code(cache.Ref), "import: "+escape.Markdown(foundWords(cache.Found)), escape.Markdown(cache.Problem))
	}
	if r.Refs.Export != "" {
		m.row(escape.Code(r.Refs.Export), "export: "+exportedWords(r.Exported), "")
	}
}

// foundWords returns what is at a ref in words.
func foundWords(found string) string {
	switch found {
	case "cache":
		return "a cache"
	case "image":
		return "an image, not a cache"
	case "absent":
		return "no cache yet"
	case "no-repository":
		return "no such repository"
	case "unknown":
		return "not known"
	default:
		return found
	}
}

// capital returns the sentence with a capital letter.
func capital(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToUpper(sentence[:1]) + sentence[1:]
}
