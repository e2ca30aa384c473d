package lifecycle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

// ECR's limits: wildcards in a tag pattern and rules in a policy
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html), and the minimum days of an
// image in the archive.
const (
	maxWildcards   = 4
	maxRules       = 50
	minArchiveDays = 90
)

var patternForm = regexp.MustCompile(`^[0-9A-Za-z._*-]{1,128}$`)

// limits lists the props of which a rule has exactly one, for messages.
const limits = "MaxCount, MaxDaysSincePush, MaxDaysSincePull and MaxDaysSinceTransition"

// check returns all problems of the rules.
func check(prop string, rules []*Rule) []validation.Problem {
	var problems validation.Problems
	if len(rules) == 0 || len(rules) > maxRules {
		problems.Add(prop, fmt.Sprintf("has %d rules, and ECR accepts 1 to %d", len(rules), maxRules), "leave the prop out to get the default rules, or merge rules")
	}
	for i, r := range rules {
		at := fmt.Sprintf("%s[%d]", prop, i)
		if r == nil {
			problems.Add(at, "is nil", "leave it out or give a rule")
			continue
		}
		problems = append(problems, checkTags(at, r)...)
		problems = append(problems, checkOrder(at, r, rules[i+1:])...)
		problems = append(problems, checkLimits(at, r)...)
	}
	return append(problems, checkOverlap(prop, rules)...)
}

func checkTags(at string, r *Rule) []validation.Problem {
	var problems validation.Problems
	status := tagStatus(r)
	patterns := r.TagPatterns != nil && len(*r.TagPatterns) > 0
	switch {
	case status != Untagged && status != Tagged && status != Any:
		problems.Add(at+".TagStatus", fmt.Sprintf("%q is not a tag status", status), "use lifecycle.Untagged, lifecycle.Tagged or lifecycle.Any")
	case status == Tagged && !patterns:
		problems.Add(at+".TagPatterns", "is missing for tagged images", `give patterns, such as "*"`)
	case status != Tagged && patterns:
		problems.Add(at+".TagPatterns", fmt.Sprintf("is not allowed for %s images", status), "use TagStatus lifecycle.Tagged or drop the patterns")
	}
	if !patterns {
		return problems
	}
	for i, pattern := range *r.TagPatterns {
		at := fmt.Sprintf("%s.TagPatterns[%d]", at, i)
		switch text := value(pattern); {
		case !patternForm.MatchString(text):
			problems.Add(at, fmt.Sprintf("%q has the wrong form", text), "use 1 to 128 letters, digits, '.', '_', '-' and '*'")
		case strings.Count(text, "*") > maxWildcards:
			problems.Add(at, fmt.Sprintf("%q has more than %d wildcards", text, maxWildcards), "use fewer")
		}
	}
	return problems
}

// checkOrder refuses rules that follow a rule for any image. Rules for archived images may follow, because
// the other rules do not select archived images.
func checkOrder(at string, r *Rule, later []*Rule) []validation.Problem {
	forArchive := func(l *Rule) bool {
		return l != nil && r.MaxDaysSinceTransition == nil && l.MaxDaysSinceTransition != nil
	}
	if tagStatus(r) != Any || !slices.ContainsFunc(later, func(l *Rule) bool { return !forArchive(l) }) {
		return nil
	}
	return []validation.Problem{{Prop: at + ".TagStatus", Wrong: "a rule for any image must be the last one", Fix: "move it to the end of the list"}}
}

func checkLimits(at string, r *Rule) []validation.Problem {
	var problems validation.Problems
	set := 0
	for _, limit := range []struct {
		prop  string
		value *float64
		least float64
	}{
		{".MaxCount", r.MaxCount, 1},
		{".MaxDaysSincePush", r.MaxDaysSincePush, 1},
		{".MaxDaysSincePull", r.MaxDaysSincePull, 1},
		{".MaxDaysSinceTransition", r.MaxDaysSinceTransition, minArchiveDays},
	} {
		if limit.value == nil {
			continue
		}
		set++
		if *limit.value < limit.least || *limit.value != float64(int64(*limit.value)) {
			problems.Add(at+limit.prop, fmt.Sprintf("%v is not a whole number from %v", *limit.value, limit.least), fmt.Sprintf("give at least %v", limit.least))
		}
	}
	if set == 1 {
		return problems
	}
	return append([]validation.Problem{{Prop: at, Wrong: "needs exactly one of " + limits, Fix: "set one of them"}}, problems...)
}

// checkOverlap refuses a rule that selects the same images as an earlier one: ECR accepts one rule for
// untagged images, and one for each set of patterns.
func checkOverlap(prop string, rules []*Rule) []validation.Problem {
	var problems validation.Problems
	first := map[string]int{}
	for i, r := range rules {
		if r == nil || tagStatus(r) == Any {
			continue
		}
		selected := fmt.Sprint(tagStatus(r), r.MaxDaysSinceTransition != nil, patternSet(r))
		if earlier, taken := first[selected]; taken {
			problems.Add(fmt.Sprintf("%s[%d]", prop, i), fmt.Sprintf("selects the same images as %s[%d], which applies first", prop, earlier), "keep one of them")
			continue
		}
		first[selected] = i
	}
	return problems
}

func patternSet(r *Rule) []string {
	if r.TagPatterns == nil {
		return nil
	}
	var patterns []string
	for _, pattern := range *r.TagPatterns {
		patterns = append(patterns, value(pattern))
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

func checkNoArchive(prop string, rules []*Rule) []validation.Problem {
	var problems validation.Problems
	for i, r := range rules {
		if r == nil {
			continue
		}
		for _, archive := range []struct {
			name  string
			limit *float64
		}{{"MaxDaysSincePull", r.MaxDaysSincePull}, {"MaxDaysSinceTransition", r.MaxDaysSinceTransition}} {
			if archive.limit != nil {
				problems.Add(fmt.Sprintf("%s[%d].%s", prop, i, archive.name), "is for the archive, from which builds cannot import caches and where each is billed for at least 90 days", "use MaxDaysSincePush or MaxCount; one cold build rebuilds an expired cache")
			}
		}
	}
	return problems
}
