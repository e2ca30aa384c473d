package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

const (
	// fewCaches and fewDays are what a lifecycle should leave at least: there is a cache for each app, platform and branch,
	// and one that no build has written for a weekend is still wanted on Monday.
	fewCaches, fewDays = 20, 7
)

// lifecyclePolicy is the part of a repository's lifecycle policy that matters to caches.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
type lifecyclePolicy struct {
	Rules []lifecycleRule `json:"rules"`
}

type lifecycleRule struct {
	Priority  int `json:"rulePriority"`
	Selection struct {
		TagStatus   string   `json:"tagStatus"`
		Prefixes    []string `json:"tagPrefixList"`
		Patterns    []string `json:"tagPatternList"`
		CountType   string   `json:"countType"`
		CountNumber int      `json:"countNumber"`
	} `json:"selection"`
	Action struct {
		Type string `json:"type"`
	} `json:"action"`
}

// selects says whether a cache with this tag falls under the rule.
func (r lifecycleRule) selects(tag string) bool {
	if r.Selection.TagStatus == "untagged" {
		return false
	}
	for _, prefix := range r.Selection.Prefixes {
		if !strings.HasPrefix(tag, prefix) {
			return false
		}
	}
	for _, pattern := range r.Selection.Patterns {
		if !matches(pattern, tag) {
			return false
		}
	}
	return true
}

func (r ecrRepository) lifecycle(tag string) Check {
	out, err := r.client.GetLifecyclePolicy(r.account.ctx, &awsecr.GetLifecyclePolicyInput{RegistryId: &r.host.Account, RepositoryName: &r.name})
	var missing *types.LifecyclePolicyNotFoundException
	switch {
	case errors.As(err, &missing):
		return Check{"lifecycle", Warn, "there is none: caches of branches that are gone are kept, and paid for, for ever", "expire caches some 30 days after they were pushed, as the construct CacheRepository does"}
	case err != nil:
		return unanswered("lifecycle", "ecr:GetLifecyclePolicy", err)
	}
	return checkLifecycle(aws.ToString(out.LifecyclePolicyText), tag)
}

// checkLifecycle tells the first thing about the rules that hurts a cache with the tag.
func checkLifecycle(text, tag string) Check {
	var policy lifecyclePolicy
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return Check{"lifecycle", Skipped, fmt.Sprintf("its policy cannot be read: %v", err), ""}
	}
	expires := ""
	for _, rule := range policy.Rules {
		if !rule.selects(tag) {
			continue
		}
		number, kind := rule.Selection.CountNumber, rule.Selection.CountType
		isCount := kind == "imageCountMoreThan"
		switch {
		case rule.Action.Type == "transition":
			return Check{"lifecycle", Fail, fmt.Sprintf("rule %d archives caches, and what is archived cannot be pulled", rule.Priority), "let the rule expire caches, or leave them out of it"}
		case isCount && number < fewCaches:
			return Check{"lifecycle", Warn, fmt.Sprintf("rule %d keeps %d caches, and each app, platform and branch has one", rule.Priority, number), fmt.Sprintf("keep at least %d, or expire by age", fewCaches)}
		case !isCount && number < fewDays:
			return Check{"lifecycle", Warn, fmt.Sprintf("rule %d expires caches after %d days", rule.Priority, number), fmt.Sprintf("keep them for at least %d days", fewDays)}
		case isCount:
			expires = fmt.Sprintf("the newest %d caches are kept", number)
		default:
			expires = fmt.Sprintf("caches expire after %d days", number)
		}
	}
	if expires == "" {
		return Check{"lifecycle", Warn, "no rule expires a cache such as " + tag, "expire caches some 30 days after they were pushed"}
	}
	return Check{"lifecycle", OK, expires, ""}
}
