package report

// Part is one part of a build's time.
type Part struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// measured returns the parts in the order in which they take place.
func (s Seconds) measured() []Part {
	parts := []Part{
		{"setup", s.Setup}, {"login", s.Login}, {"cache import", s.Import},
		{"build", s.Build}, {"image push", s.Push}, {"cache export", s.Export},
	}
	if s.MountSave > 0 {
		parts = append(parts, Part{"mount save", s.MountSave})
	}
	return parts
}

// Parts returns the parts in the order in which they take place, and last the time that belongs to none of
// them.
func (s Seconds) Parts() []Part {
	parts := s.measured()
	other := s.Total
	for _, part := range parts {
		other -= part.Seconds
	}
	return append(parts, Part{"other", max(0, other)})
}
