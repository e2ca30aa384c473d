package report

import "github.com/layercache/layercache/internal/report/page"

// HTML returns report.html, a file that loads nothing else.
func (r *Report) HTML() ([]byte, error) {
	return page.Build(struct {
		Headline string  `json:"headline"`
		Line     string  `json:"line"`
		Worth    string  `json:"worth"`
		HitsFrom string  `json:"hitsFrom"`
		Hits     [2]int  `json:"hits"`
		Misses   []Miss  `json:"misses"`
		Parts    []Part  `json:"parts"`
		Report   *Report `json:"report"`
	}{r.headline(), r.Line(), r.worthSentence(), r.hitsFromWords(), r.hitsPair(), r.FirstMisses(), r.Seconds.Parts(), r})
}

func (r *Report) hitsPair() [2]int {
	hits, counted := r.Hits()
	return [2]int{hits, counted}
}
