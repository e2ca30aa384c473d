package outline

import (
	"fmt"
	"slices"
	"strings"
)

// settingsChanged compares the settings that two steps with the same text read.
func (c comparison) settingsChanged(old, step *Step) (Cause, bool) {
	was, is := c.before.settings(old), c.now.settings(step)
	var changed []change
	for _, s := range is {
		previous := slices.IndexFunc(was, s.sameAs)
		switch {
		case previous < 0:
			changed = append(changed, change{now: s, what: "added"})
		case was[previous].Value != s.Value:
			changed = append(changed, c.origin(change{before: was[previous], now: s, what: "changed"}))
		}
	}
	for _, s := range was {
		if !slices.ContainsFunc(is, s.sameAs) {
			changed = append(changed, change{before: s, now: s, what: "removed"})
		}
	}
	if len(changed) > 0 {
		return describe(changed), true
	}
	if step.Keyword == "RUN" {
		for i := range min(len(was), len(is)) {
			if !was[i].sameAs(is[i]) {
				return Cause{Text: fmt.Sprintf("the order of %s and %s changed", is[i], was[i])}, true
			}
		}
	}
	return Cause{}, false
}

// settings returns the step's settings. A command sees only the last of the variables with one name.
func (o *Outline) settings(step *Step) []Setting {
	var all []Setting
	for _, at := range step.Settings {
		if at >= 0 && at < len(o.Settings) {
			all = append(all, o.Settings[at])
		}
	}
	return all
}

// sameAs reports whether both are the same variable, flag or other setting. To a command, ARG and ENV are alike.
func (s Setting) sameAs(other Setting) bool {
	return s.Name == other.Name && (s.Kind == other.Kind || s.isVariable() && other.isVariable())
}

// change is a setting that changed.
type change struct {
	before, now Setting
	what        string
}

// origin follows a changed value to the setting that it was made from, if the Dockerfile says the same as before.
func (c comparison) origin(ch change) change {
	if ch.before.Written == "" || ch.before.Written != ch.now.Written {
		return ch
	}
	for i, use := range ch.now.Uses {
		if i >= len(ch.before.Uses) || use >= len(c.now.Settings) || ch.before.Uses[i] >= len(c.before.Settings) {
			continue
		}
		was, is := c.before.Settings[ch.before.Uses[i]], c.now.Settings[use]
		if was.sameAs(is) && was.Value != is.Value {
			return c.origin(change{before: was, now: is, what: "changed"})
		}
	}
	return ch
}

// isArgument reports whether the value comes from --build-arg, now or before.
func (ch change) isArgument() bool {
	return ch.now.Kind == KindArg && ch.what == "changed" && (ch.now.Given || ch.before.Given) || ch.now.Kind == KindBuildArg
}

// String returns the change as a clause.
func (ch change) String() string {
	switch {
	case ch.what == "changed" && ch.now.Kind == KindArg:
		return fmt.Sprintf("the default of %s changed", ch.now)
	case ch.what == "changed":
		return fmt.Sprintf("%s changed", ch.now)
	case ch.now.Kind == KindFlag || ch.now.Kind == KindBuildArg:
		return fmt.Sprintf("%s was %s", ch.now, ch.what)
	case ch.what == "added":
		return fmt.Sprintf("%s is now set above it", ch.now)
	}
	return fmt.Sprintf("%s is no longer set above it", ch.now)
}

// describe returns the cause. Build arguments come first, because they change most often; a variable that was made
// from one has been traced to it.
func describe(changes []change) Cause {
	var arguments []string
	for _, ch := range changes {
		if ch.isArgument() && !slices.Contains(arguments, ch.now.Name) {
			arguments = append(arguments, ch.now.Name)
		}
	}
	if len(arguments) > 0 {
		slices.Sort(arguments)
		return Cause{Text: "the build argument " + strings.Join(arguments, ", ") + " changed", Arguments: arguments}
	}
	var texts []string
	for _, ch := range changes {
		text := ch.String()
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if len(texts) > 2 {
		texts = append(texts[:1], fmt.Sprintf("%d more settings changed", len(texts)-1))
	}
	return Cause{Text: strings.Join(texts, ", and ")}
}
