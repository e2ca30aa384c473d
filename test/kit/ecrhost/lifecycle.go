//go:build linux

package ecrhost

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// lifecyclePolicy is a lifecycle policy, as far as its rules expire images.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
type lifecyclePolicy struct {
	Rules []lifecycleRule
}

type lifecycleRule struct {
	RulePriority int
	Selection    struct {
		TagStatus      string
		TagPatternList []string
		CountType      string
		CountNumber    int
	}
	Action struct{ Type string }
}

// Expired returns the images of a repository that a lifecycle policy expires at a time, the newest first.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
func (w *Server) Expired(host, name, policy string, at time.Time) ([]Image, error) {
	var parsed lifecyclePolicy
	if err := json.Unmarshal([]byte(policy), &parsed); err != nil {
		return nil, fmt.Errorf("ecrhost: lifecycle policy: %w", err)
	}
	slices.SortFunc(parsed.Rules, func(a, b lifecycleRule) int { return cmp.Compare(a.RulePriority, b.RulePriority) })
	images := w.Images(host, name)
	// An image that fits the tags of a rule is not expired by a later rule.
	claimed, expired := map[string]bool{}, map[string]bool{}
	for _, rule := range parsed.Rules {
		if rule.Action.Type != "expire" {
			return nil, fmt.Errorf("ecrhost: rule %d: action %q is not simulated", rule.RulePriority, rule.Action.Type)
		}
		var selected []Image
		for _, image := range images {
			if rule.selects(image) {
				selected = append(selected, image)
			}
		}
		for i, image := range selected {
			isOld := image.Pushed.Before(at.AddDate(0, 0, -rule.Selection.CountNumber))
			if rule.Selection.CountType == "imageCountMoreThan" {
				isOld = i >= rule.Selection.CountNumber
			}
			expired[image.Digest] = expired[image.Digest] || isOld && !claimed[image.Digest]
			claimed[image.Digest] = true
		}
	}
	// A member of an index that stays cannot expire, and what refers to an image goes with it.
	for _, image := range images {
		for _, member := range image.Members {
			expired[member] = expired[member] && expired[image.Digest]
		}
	}
	for _, image := range images {
		if image.Subject != "" && expired[image.Subject] {
			expired[image.Digest] = true
		}
	}
	return slices.DeleteFunc(images, func(image Image) bool { return !expired[image.Digest] }), nil
}

// selects reports whether the rule is about the image. One tag that matches all patterns is enough.
func (r lifecycleRule) selects(image Image) bool {
	switch r.Selection.TagStatus {
	case "untagged":
		return len(image.Tags) == 0
	case "tagged":
		return slices.ContainsFunc(image.Tags, func(tag string) bool {
			return !slices.ContainsFunc(r.Selection.TagPatternList, func(pattern string) bool { return !matches(pattern, tag) })
		})
	default:
		return true
	}
}
