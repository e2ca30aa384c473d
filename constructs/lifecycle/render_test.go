package lifecycle_test

import (
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/lifecycle"
)

func TestRender(t *testing.T) {
	for name, c := range map[string]struct {
		rules *[]*lifecycle.Rule
		want  string
	}{
		"caches expire a day after they were replaced and 30 days after the last write": {
			lifecycle.CacheRules(),
			`{"rules":[` +
				`{"rulePriority":1,"description":"Expire cache manifests that a newer export replaced","selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}},` +
				`{"rulePriority":2,"description":"Expire records of caches that have long expired","selection":{"tagStatus":"tagged","tagPatternList":["*--steps"],"countType":"sinceImagePushed","countUnit":"days","countNumber":120},"action":{"type":"expire"}},` +
				`{"rulePriority":3,"description":"Expire caches that no build has written to","selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`,
		},
		"images expire a week after they lost their tag": {
			lifecycle.ImageRules(),
			`{"rules":[{"rulePriority":1,"description":"Expire images that have lost their tag","selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":7},"action":{"type":"expire"}}]}`,
		},
		"upstream images expire 30 days after ECR fetched them": {
			lifecycle.PullThroughRules(),
			`{"rules":[{"rulePriority":1,"description":"Expire cached upstream images; the next pull fetches them again","selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`,
		},
		"a count of tagged images has patterns and no unit": {
			&[]*lifecycle.Rule{{TagStatus: lifecycle.Tagged, TagPatterns: jsii.Strings("pr-*", "*-arm64"), MaxCount: jsii.Number(5)}},
			`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["pr-*","*-arm64"],"countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}]}`,
		},
		"images without pulls are archived, and expire there after a year": {
			&[]*lifecycle.Rule{
				{TagStatus: lifecycle.Untagged, MaxDaysSincePush: jsii.Number(7)},
				{MaxDaysSincePull: jsii.Number(30)},
				{MaxDaysSinceTransition: jsii.Number(365)},
			},
			`{"rules":[` +
				`{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":7},"action":{"type":"expire"}},` +
				`{"rulePriority":2,"selection":{"tagStatus":"any","countType":"sinceImagePulled","countUnit":"days","countNumber":30},"action":{"type":"transition","targetStorageClass":"archive"}},` +
				`{"rulePriority":3,"selection":{"tagStatus":"any","storageClass":"archive","countType":"sinceImageTransitioned","countUnit":"days","countNumber":365},"action":{"type":"expire"}}]}`,
		},
		"in a repository with images, only tags of caches expire": {
			lifecycle.SharedRules(jsii.Strings("api--*", "web--*")),
			`{"rules":[` +
				`{"rulePriority":1,"description":"Expire cache manifests that a newer export replaced","selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}},` +
				`{"rulePriority":2,"description":"Expire records of caches that have long expired","selection":{"tagStatus":"tagged","tagPatternList":["*--steps"],"countType":"sinceImagePushed","countUnit":"days","countNumber":120},"action":{"type":"expire"}},` +
				`{"rulePriority":3,"description":"Expire cache mounts that no build has written to","selection":{"tagStatus":"tagged","tagPatternList":["*--mount--*"],"countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}},` +
				`{"rulePriority":4,"description":"Expire caches that no build has written to","selection":{"tagStatus":"tagged","tagPatternList":["api--*"],"countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}},` +
				`{"rulePriority":5,"description":"Expire caches that no build has written to","selection":{"tagStatus":"tagged","tagPatternList":["web--*"],"countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, problems := lifecycle.Render("LifecycleRules", c.rules)
			assert.Empty(t, problems)
			assert.Equal(t, c.want, text)
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		rules []*lifecycle.Rule
		want  []string
	}{
		"a rule that is nil": {
			[]*lifecycle.Rule{nil},
			[]string{"Rules[0]: is nil; leave it out or give a rule"},
		},
		"an unknown tag status": {
			[]*lifecycle.Rule{{TagStatus: "some", MaxCount: jsii.Number(1)}},
			[]string{`Rules[0].TagStatus: "some" is not a tag status; use lifecycle.Untagged, lifecycle.Tagged or lifecycle.Any`},
		},
		"a rule for any image before another": {
			[]*lifecycle.Rule{{MaxCount: jsii.Number(1)}, {TagStatus: lifecycle.Untagged, MaxCount: jsii.Number(1)}},
			[]string{"Rules[0].TagStatus: a rule for any image must be the last one; move it to the end of the list"},
		},
		"tagged images without patterns": {
			[]*lifecycle.Rule{{TagStatus: lifecycle.Tagged, MaxCount: jsii.Number(1)}},
			[]string{`Rules[0].TagPatterns: is missing for tagged images; give patterns, such as "*"`},
		},
		"patterns for images without tags": {
			[]*lifecycle.Rule{{TagStatus: lifecycle.Untagged, TagPatterns: jsii.Strings("a"), MaxCount: jsii.Number(1)}},
			[]string{"Rules[0].TagPatterns: is not allowed for untagged images; use TagStatus lifecycle.Tagged or drop the patterns"},
		},
		"a pattern with five wildcards": {
			[]*lifecycle.Rule{{TagStatus: lifecycle.Tagged, TagPatterns: jsii.Strings("*a*b*c*", "*a*b*c*d*"), MaxCount: jsii.Number(1)}},
			[]string{`Rules[0].TagPatterns[1]: "*a*b*c*d*" has more than 4 wildcards; use fewer`},
		},
		"no limit, two limits and a limit of zero, all at once": {
			[]*lifecycle.Rule{
				{TagStatus: lifecycle.Untagged},
				{TagStatus: lifecycle.Tagged, TagPatterns: jsii.Strings("*"), MaxCount: jsii.Number(1), MaxDaysSincePush: jsii.Number(1)},
				{MaxDaysSincePush: jsii.Number(0.5)},
			},
			[]string{
				"Rules[0]: needs exactly one of MaxCount, MaxDaysSincePush, MaxDaysSincePull and MaxDaysSinceTransition; set one of them",
				"Rules[1]: needs exactly one of MaxCount, MaxDaysSincePush, MaxDaysSincePull and MaxDaysSinceTransition; set one of them",
				"Rules[2].MaxDaysSincePush: 0.5 is not a whole number from 1; give at least 1",
			},
		},
		"two rules for untagged images": {
			[]*lifecycle.Rule{{TagStatus: lifecycle.Untagged, MaxCount: jsii.Number(1)}, {TagStatus: lifecycle.Untagged, MaxCount: jsii.Number(2)}},
			[]string{"Rules[1]: selects the same images as Rules[0], which applies first; keep one of them"},
		},
		"two rules for the same patterns in another order": {
			[]*lifecycle.Rule{
				{TagStatus: lifecycle.Tagged, TagPatterns: jsii.Strings("a*", "*b"), MaxCount: jsii.Number(1)},
				{TagStatus: lifecycle.Tagged, TagPatterns: jsii.Strings("*b", "a*"), MaxCount: jsii.Number(2)},
			},
			[]string{"Rules[1]: selects the same images as Rules[0], which applies first; keep one of them"},
		},
		"a pattern that no tag can match": {
			[]*lifecycle.Rule{{TagStatus: lifecycle.Tagged, TagPatterns: jsii.Strings("a/b", ""), MaxCount: jsii.Number(1)}},
			[]string{
				`Rules[0].TagPatterns[0]: "a/b" has the wrong form; use 1 to 128 letters, digits, '.', '_', '-' and '*'`,
				`Rules[0].TagPatterns[1]: "" has the wrong form; use 1 to 128 letters, digits, '.', '_', '-' and '*'`,
			},
		},
		"archived images that expire before 90 days, and a rule after the archive rule": {
			[]*lifecycle.Rule{{MaxDaysSinceTransition: jsii.Number(30)}, {TagStatus: lifecycle.Untagged, MaxCount: jsii.Number(1)}},
			[]string{
				"Rules[0].TagStatus: a rule for any image must be the last one; move it to the end of the list",
				"Rules[0].MaxDaysSinceTransition: 30 is not a whole number from 90; give at least 90",
			},
		},
		"an empty list": {
			[]*lifecycle.Rule{},
			[]string{"Rules: has 0 rules, and ECR accepts 1 to 50; leave the prop out to get the default rules, or merge rules"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, problems := lifecycle.Render("Rules", &c.rules)
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			assert.Equal(t, c.want, got)
			assert.Empty(t, text)
		})
	}
}

func TestTheArchiveIsRefusedForCachesWithTheReason(t *testing.T) {
	text, problems := lifecycle.RenderCache("Rules", &[]*lifecycle.Rule{
		{TagStatus: lifecycle.Untagged, MaxDaysSincePull: jsii.Number(14)},
		{MaxDaysSinceTransition: jsii.Number(90)},
	})
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	const reason = ": is for the archive, from which builds cannot import caches and where each is billed for at least 90 days; " +
		"use MaxDaysSincePush or MaxCount; one cold build rebuilds an expired cache"
	assert.Equal(t, []string{"Rules[0].MaxDaysSincePull" + reason, "Rules[1].MaxDaysSinceTransition" + reason}, got)
	assert.Empty(t, text)
}
