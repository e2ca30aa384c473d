package lifecycle

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

// maxWildcards is ECR's limit for one tag pattern.
const maxWildcards = 4

type policy struct {
	Rules []policyRule `json:"rules"`
}

type policyRule struct {
	RulePriority int       `json:"rulePriority"`
	Description  string    `json:"description,omitempty"`
	Selection    selection `json:"selection"`
	Action       action    `json:"action"`
}

type selection struct {
	TagStatus      TagStatus `json:"tagStatus"`
	TagPatternList []string  `json:"tagPatternList,omitempty"`
	CountType      string    `json:"countType"`
	CountUnit      string    `json:"countUnit,omitempty"`
	CountNumber    float64   `json:"countNumber"`
}

type action struct {
	Type string `json:"type"`
}

// Render returns the rules as the JSON text that ECR takes. prop is the name of
// the prop that holds the rules and starts the name of each problem; with any
// problem the text is empty.
func Render(prop string, rules *[]*Rule) (string, []validation.Problem) {
	var problems []validation.Problem
	var p policy
	for i, r := range *rules {
		at := fmt.Sprintf("%s[%d]", prop, i)
		if r == nil {
			problems = append(problems, validation.Problem{Prop: at, Wrong: "is nil", Fix: "leave it out or give a rule"})
			continue
		}
		problems = append(problems, check(at, r, i == len(*rules)-1)...)
		p.Rules = append(p.Rules, render(i+1, r))
	}
	problems = append(problems, checkOneUntagged(prop, *rules)...)
	if len(problems) > 0 {
		return "", problems
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain strings and numbers always marshal
	}
	return string(text), nil
}

func render(priority int, r *Rule) policyRule {
	s := selection{TagStatus: tagStatus(r), CountType: "imageCountMoreThan"}
	if r.TagPatterns != nil {
		for _, pattern := range *r.TagPatterns {
			s.TagPatternList = append(s.TagPatternList, value(pattern))
		}
	}
	switch {
	case r.MaxDaysSincePush != nil:
		s.CountType, s.CountUnit, s.CountNumber = "sinceImagePushed", "days", *r.MaxDaysSincePush
	case r.MaxCount != nil:
		s.CountNumber = *r.MaxCount
	}
	return policyRule{RulePriority: priority, Description: value(r.Description), Selection: s, Action: action{Type: "expire"}}
}

func check(at string, r *Rule, last bool) []validation.Problem {
	var problems []validation.Problem
	add := func(prop, wrong, fix string) {
		problems = append(problems, validation.Problem{Prop: at + prop, Wrong: wrong, Fix: fix})
	}
	status := tagStatus(r)
	patterns := r.TagPatterns != nil && len(*r.TagPatterns) > 0
	switch {
	case status != Untagged && status != Tagged && status != Any:
		add(".TagStatus", fmt.Sprintf("%q is no tag status", status), "use lifecycle.Untagged, lifecycle.Tagged or lifecycle.Any")
	case status == Any && !last:
		add(".TagStatus", "a rule for any image must be the last one", "move it to the end of the list")
	case status == Tagged && !patterns:
		add(".TagPatterns", "is missing for tagged images", `give patterns, such as "*"`)
	case status != Tagged && patterns:
		add(".TagPatterns", fmt.Sprintf("cannot narrow %s images", status), "use TagStatus lifecycle.Tagged or drop the patterns")
	}
	if patterns {
		for i, pattern := range *r.TagPatterns {
			if strings.Count(value(pattern), "*") > maxWildcards {
				add(fmt.Sprintf(".TagPatterns[%d]", i), fmt.Sprintf("%q has more than %d wildcards", value(pattern), maxWildcards), "use fewer")
			}
		}
	}
	if (r.MaxDaysSincePush == nil) == (r.MaxCount == nil) {
		add("", "needs exactly one of MaxDaysSincePush and MaxCount", "set one of them")
	}
	for name, n := range map[string]*float64{".MaxDaysSincePush": r.MaxDaysSincePush, ".MaxCount": r.MaxCount} {
		if n != nil && (*n < 1 || *n != float64(int64(*n))) {
			add(name, fmt.Sprintf("%v is not a whole number from 1", *n), "give at least 1")
		}
	}
	return problems
}

func checkOneUntagged(prop string, rules []*Rule) []validation.Problem {
	n := 0
	for _, r := range rules {
		if r != nil && r.TagStatus == Untagged {
			n++
		}
	}
	if n < 2 {
		return nil
	}
	return []validation.Problem{{Prop: prop, Wrong: "more than one rule selects untagged images", Fix: "keep one of them"}}
}

func tagStatus(r *Rule) TagStatus {
	if r.TagStatus == "" {
		return Any
	}
	return r.TagStatus
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
