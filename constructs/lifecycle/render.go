package lifecycle

import (
	"encoding/json"

	"github.com/layercache/layercache/constructs/validation"
)

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
	StorageClass   string    `json:"storageClass,omitempty"`
	CountType      string    `json:"countType"`
	CountUnit      string    `json:"countUnit,omitempty"`
	CountNumber    float64   `json:"countNumber"`
}

type action struct {
	Type               string `json:"type"`
	TargetStorageClass string `json:"targetStorageClass,omitempty"`
}

// Render returns the rules as ECR's JSON text, for a repository or a repository creation template. prop is
// the name of the prop that holds the rules, for the problems. With any problem the text is empty.
func Render(prop string, rules *[]*Rule) (string, []validation.Problem) {
	if problems := check(prop, *rules); len(problems) > 0 {
		return "", problems
	}
	var p policy
	for i, r := range *rules {
		p.Rules = append(p.Rules, render(i+1, r))
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // cannot happen: strings and numbers always marshal
	}
	return string(text), nil
}

// RenderCache is Render for a repository of layer caches. It also refuses rules that archive images or expire
// archived ones.
func RenderCache(prop string, rules *[]*Rule) (string, []validation.Problem) {
	problems := checkNoArchive(prop, *rules)
	text, others := Render(prop, rules)
	if len(problems) > 0 {
		text = ""
	}
	return text, append(problems, others...)
}

func render(priority int, r *Rule) policyRule {
	s := selection{TagStatus: tagStatus(r), CountUnit: "days"}
	a := action{Type: "expire"}
	if r.TagPatterns != nil {
		for _, pattern := range *r.TagPatterns {
			s.TagPatternList = append(s.TagPatternList, value(pattern))
		}
	}
	switch {
	case r.MaxCount != nil:
		s.CountType, s.CountUnit, s.CountNumber = "imageCountMoreThan", "", *r.MaxCount
	case r.MaxDaysSincePush != nil:
		s.CountType, s.CountNumber = "sinceImagePushed", *r.MaxDaysSincePush
	case r.MaxDaysSincePull != nil:
		s.CountType, s.CountNumber = "sinceImagePulled", *r.MaxDaysSincePull
		a = action{Type: "transition", TargetStorageClass: "archive"}
	case r.MaxDaysSinceTransition != nil:
		s.StorageClass, s.CountType, s.CountNumber = "archive", "sinceImageTransitioned", *r.MaxDaysSinceTransition
	}
	return policyRule{RulePriority: priority, Description: value(r.Description), Selection: s, Action: a}
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
