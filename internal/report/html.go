package report

import "github.com/layercache/layercache/internal/report/page"

// shownBuild is a report with the sentences that its page shows.
type shownBuild struct {
	Headline   string   `json:"headline"`
	Line       string   `json:"line"`
	Outcome    string   `json:"outcome"`
	Worth      string   `json:"worth"`
	HitsFrom   string   `json:"hitsFrom"`
	Hits       [2]int   `json:"hits"`
	Misses     []Miss   `json:"misses"`
	Parts      []Part   `json:"parts"`
	Policy     string   `json:"policy"`
	Mounts     string   `json:"mounts"`
	MountNotes []string `json:"mountNotes"`
	Report     *Report  `json:"report"`
	// Targets are the targets of the report; Report itself has none.
	Targets []shownBuild `json:"targets,omitempty"`
}

// HTML returns report.html, a file that loads nothing else.
func (r *Report) HTML() ([]byte, error) { return page.Build(r.shown()) }

func (r *Report) shown() shownBuild {
	alone := *r
	alone.Targets = nil
	if len(r.Targets) > 0 {
		alone.Warnings = r.warningsByText()
	}
	shown := shownBuild{
		r.headline(), r.Line(), r.outcome(), r.worthSentence(), r.hitsFromWords(), r.hitsPair(), r.FirstMisses(), r.Seconds.Parts(),
		r.PolicyLine(), r.MountsLine(), r.mountNotes(), &alone, nil,
	}
	for _, target := range r.Targets {
		shown.Targets = append(shown.Targets, target.shown())
	}
	return shown
}

func (r *Report) mountNotes() []string {
	notes := make([]string, len(r.Mounts))
	for i, mount := range r.Mounts {
		notes[i] = mount.note()
	}
	return notes
}

func (r *Report) hitsPair() [2]int {
	hits, counted := r.allHits()
	return [2]int{hits, counted}
}
