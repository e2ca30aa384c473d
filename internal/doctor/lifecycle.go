package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/layercache/layercache/internal/cache"
)

const (
	// minCaches is how many caches a lifecycle should keep at least: there is one for each app, platform and
	// branch.
	minCaches = 20
	// minDays is how many days a lifecycle should keep a cache at least: one from Friday is still needed on
	// Monday.
	minDays = 7
)

// lifecyclePolicy is the part of a repository's lifecycle policy that applies to caches.
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

// selects reports whether the rule applies to a cache with the tag.
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

// places returns how many of the images that the rule counts belong to one cache: its manifest, and its record
// if the rule selects that too.
func (r lifecycleRule) places(tag string) int {
	if r.selects(cache.RecordRef(tag)) {
		return 2
	}
	return 1
}

// counted names what the rule counts. ECR counts every manifest as an image.
func (r lifecycleRule) counted(tag string) string {
	switch {
	case r.Selection.TagStatus == "any":
		return "images, to which records, replaced caches and signatures belong,"
	case r.places(tag) > 1:
		return "caches and records"
	default:
		return "caches"
	}
}

// lifecycle checks the lifecycle policy for a cache with the tag. signatures is the number of signatures that
// ECR adds to each cache.
func (r ecrRepository) lifecycle(tag string, signatures int) Check {
	out, err := r.client.GetLifecyclePolicy(r.account.ctx, &awsecr.GetLifecyclePolicyInput{RegistryId: &r.host.Account, RepositoryName: &r.name})
	var missing *types.LifecyclePolicyNotFoundException
	switch {
	case errors.As(err, &missing):
		return Check{"lifecycle", Warn, "there is no lifecycle policy: caches of deleted branches are kept, and cost money, forever", "expire caches about 30 days after their push, like the construct CacheRepository"}
	case err != nil:
		return failedCall("lifecycle", "ecr:GetLifecyclePolicy", err)
	}
	return checkLifecycle(aws.ToString(out.LifecyclePolicyText), tag, signatures)
}

// checkLifecycle returns the first problem of the rules for a cache with the tag. Each of its signatures counts
// as an image.
func checkLifecycle(text, tag string, signatures int) Check {
	var policy lifecyclePolicy
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return Check{"lifecycle", Skipped, fmt.Sprintf("the lifecycle policy cannot be read: %v", err), ""}
	}
	expires := ""
	for _, rule := range policy.Rules {
		if !rule.selects(tag) {
			continue
		}
		number, kind := rule.Selection.CountNumber, rule.Selection.CountType
		isCount := kind == "imageCountMoreThan"
		keeps := number / (rule.places(tag) * (1 + signatures))
		switch {
		case rule.Action.Type == "transition":
			return Check{"lifecycle", Fail, fmt.Sprintf("rule %d archives caches, and an archived cache cannot be imported", rule.Priority), "make the rule expire caches, or exclude them from it"}
		case isCount && keeps < minCaches:
			return Check{"lifecycle", Warn, fmt.Sprintf("rule %d keeps only %d %s, but each app, platform and branch has a cache", rule.Priority, number, rule.counted(tag)), "expire caches by age, about 30 days after their push"}
		case !isCount && number < minDays:
			return Check{"lifecycle", Warn, fmt.Sprintf("rule %d expires caches after %d days", rule.Priority, number), fmt.Sprintf("keep them for at least %d days", minDays)}
		case isCount:
			expires = fmt.Sprintf("the newest %d %s are kept", number, rule.counted(tag))
		default:
			expires = fmt.Sprintf("caches expire after %d days", number)
		}
	}
	if expires == "" {
		return Check{"lifecycle", Warn, "no rule expires a cache such as " + tag, "expire caches about 30 days after their push"}
	}
	return Check{"lifecycle", OK, expires, ""}
}
