package report

// Part is one part of the seconds of a build.
type Part struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Parts are the seconds in the order in which they pass. The last part is what no other part accounts for.
func (s Seconds) Parts() []Part {
	parts := []Part{{"setup", s.Setup}, {"login", s.Login}, {"import", s.Import}, {"build", s.Build}, {"push", s.Push}, {"export", s.Export}}
	rest := s.Total
	for _, part := range parts {
		rest -= part.Seconds
	}
	return append(parts, Part{"the rest", max(0, rest)})
}
