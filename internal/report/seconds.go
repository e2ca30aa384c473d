package report

// Part is one part of a build's time.
type Part struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Parts returns the parts in the order in which they take place, and last the time that belongs to none of
// them. They add up to the total.
func (s Seconds) Parts() []Part {
	return []Part{
		{"setup", s.Setup}, {"login", s.Login}, {"cache import", s.Import}, {"build", s.Build}, {"image push", s.Push},
		{"cache export", s.Export}, {"mount save", s.MountSave}, {"finish", s.Finish}, {"other", s.Other()},
	}
}

// Other returns the time that belongs to no part, such as buildx's start and its wait after BuildKit refused a build.
func (s Seconds) Other() float64 {
	return max(0, s.Total-s.Setup-s.Login-s.Import-s.Build-s.Push-s.Export-s.MountSave-s.Finish)
}
