package doctor

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/variables"
)

// tag is the tag of a cache.
var tag = sampleTag("shop", "main")

func assertCheck(t *testing.T, got Check, state State, message string) {
	t.Helper()
	assert.Equal(t, state, got.State, got.Found)
	assert.Contains(t, got.Found, message)
	if state == Fail || state == Warn {
		assert.NotEmpty(t, got.Fix)
	} else {
		assert.Empty(t, got.Fix)
	}
}

func TestALifecycleThatHarmsCachesIsFound(t *testing.T) {
	rule := func(selection, action string) string {
		return `{"rulePriority":2,"selection":{` + selection + `},"action":{"type":"` + action + `"}}`
	}
	untagged := `{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}`
	cases := []struct {
		name, rules string
		state       State
		message     string
	}{
		{"caches expire 30 days after their push", untagged + "," + rule(`"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30`, "expire"), OK, "caches expire after 30 days"},
		{"the newest 500 are kept", rule(`"tagStatus":"any","countType":"imageCountMoreThan","countNumber":500`, "expire"), OK, "the newest 500 images, to which records, replaced caches and signatures belong, are kept"},
		{"a count has room for a record next to each cache", rule(`"tagStatus":"any","countType":"imageCountMoreThan","countNumber":39`, "expire"), Warn, "rule 2 keeps only 39 images"},
		{"a count of caches without their records", rule(`"tagStatus":"tagged","tagPatternList":["*--main"],"countType":"imageCountMoreThan","countNumber":20`, "expire"), OK, "the newest 20 caches are kept"},
		{"a rule keeps a few", rule(`"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5`, "expire"), Warn, "rule 2 keeps only 5 images"},
		{"a rule for all tags keeps a few", rule(`"tagStatus":"tagged","tagPatternList":["*"],"countType":"imageCountMoreThan","countNumber":1`, "expire"), Warn, "rule 2 keeps only 1 caches and records"},
		{"a rule for the app keeps a few", rule(`"tagStatus":"tagged","tagPrefixList":["shop"],"countType":"imageCountMoreThan","countNumber":3`, "expire"), Warn, "rule 2 keeps only 3 caches and records"},
		{"they expire after two days", rule(`"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":2`, "expire"), Warn, "after 2 days"},
		{"they are archived", rule(`"tagStatus":"any","countType":"sinceImagePulled","countUnit":"days","countNumber":90`, "transition"), Fail, "rule 2 archives caches"},
		{"other tags are archived", rule(`"tagStatus":"tagged","tagPatternList":["release-*"],"countType":"sinceImagePulled","countNumber":90`, "transition"), Warn, "no rule expires a cache"},
		{"both patterns must match", rule(`"tagStatus":"tagged","tagPatternList":["shop*","*release"],"countType":"imageCountMoreThan","countNumber":1`, "expire"), Warn, "no rule expires a cache"},
		{"only untagged images expire", untagged, Warn, "no rule expires a cache"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assertCheck(t, checkLifecycle(`{"rules":[`+c.rules+`]}`, tag, 0), c.state, c.message)
		})
	}
	assertCheck(t, checkLifecycle(`{"rules":`, tag, 0), Skipped, "cannot be read")
}

func TestAPolicyThatIsOpenToEverybodyIsFound(t *testing.T) {
	const pull, push = `"Action":["ecr:BatchGetImage"]`, `"Action":"ecr:Put*"`
	cases := []struct {
		name, statement string
		state           State
		message         string
	}{
		{"one account reads", `[{"Sid":"Read","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},` + pull + `}]`, OK, "1 statements"},
		{"everybody of an organization reads", `[{"Effect":"Allow","Principal":"*",` + pull + `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}]`, OK, ""},
		{"everybody reads", `[{"Sid":"Read","Effect":"Allow","Principal":"*",` + pull + `}]`, Fail, "statement Read lets every AWS account read"},
		{"everybody writes", `[{"Effect":"Allow","Principal":{"AWS":["111111111111","*"]},` + push + `}]`, Fail, "statement number 1 lets every AWS account write"},
		{"everybody may do everything", `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*","Condition":{}}`, Fail, "write"},
		{"all but one read", `[{"Effect":"Allow","NotPrincipal":{"AWS":"111111111111"},` + pull + `}]`, Fail, "read"},
		{"everybody is denied", `[{"Effect":"Deny","Principal":"*",` + push + `}]`, OK, ""},
		{"a service reads", `[{"Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com"},` + pull + `}]`, OK, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assertCheck(t, checkPolicy(`{"Version":"2012-10-17","Statement":`+c.statement+`}`), c.state, c.message)
		})
	}
	assertCheck(t, checkPolicy(`{"Statement":7}`), Skipped, "cannot be read")
}

func TestTagsThatCannotBeOverwrittenAreFound(t *testing.T) {
	filter := func(patterns ...string) []types.ImageTagMutabilityExclusionFilter {
		var filters []types.ImageTagMutabilityExclusionFilter
		for _, pattern := range patterns {
			filters = append(filters, types.ImageTagMutabilityExclusionFilter{Filter: aws.String(pattern)})
		}
		return filters
	}
	cases := []struct {
		name       string
		mutability types.ImageTagMutability
		filters    []types.ImageTagMutabilityExclusionFilter
		state      State
	}{
		{"mutable", types.ImageTagMutabilityMutable, nil, OK},
		{"immutable", types.ImageTagMutabilityImmutable, nil, Fail},
		{"immutable, caches excluded", types.ImageTagMutabilityImmutableWithExclusion, filter("v*", "shop*"), OK},
		{"immutable, others excluded", types.ImageTagMutabilityImmutableWithExclusion, filter("v*"), Fail},
		{"mutable, releases fixed", types.ImageTagMutabilityMutableWithExclusion, filter("v*"), OK},
		{"mutable, all fixed", types.ImageTagMutabilityMutableWithExclusion, filter("*"), Fail},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := checkTags(types.Repository{ImageTagMutability: c.mutability, ImageTagMutabilityExclusionFilters: c.filters}, tag)
			assertCheck(t, got, c.state, tag)
		})
	}
}

func TestAMirrorIsComparedWithItsPullThroughRule(t *testing.T) {
	rule := func(prefix, upstream, secret string) types.PullThroughCacheRule {
		r := types.PullThroughCacheRule{EcrRepositoryPrefix: &prefix, UpstreamRegistryUrl: &upstream}
		if secret != "" {
			r.CredentialArn = aws.String("arn:aws:secretsmanager:eu-west-1:111122223333:secret:" + secret)
		}
		return r
	}
	public := rule("ecr-public", "public.ecr.aws", "")
	cases := []struct {
		name, upstream, prefix string
		rules                  []types.PullThroughCacheRule
		state                  State
		message                string
	}{
		{"a rule without a secret", "public.ecr.aws", "ecr-public", []types.PullThroughCacheRule{public}, OK, `public.ecr.aws: prefix "ecr-public"`},
		{"a rule with its secret", "docker.io", "docker-hub", []types.PullThroughCacheRule{public, rule("docker-hub", "registry-1.docker.io", "ecr-pullthroughcache/hub-AbCdEf")}, OK, "secret ecr-pullthroughcache/hub-AbCdEf"},
		{"a rule without its secret", "docker.io", "docker-hub", []types.PullThroughCacheRule{rule("docker-hub", "registry-1.docker.io", "")}, Fail, "has no secret"},
		{"Azure's registry without a secret", "a.azurecr.io", "azure", []types.PullThroughCacheRule{rule("azure", "a.azurecr.io", "")}, Fail, "has no secret"},
		{"no rule", "quay.io", "quay", []types.PullThroughCacheRule{public}, Fail, `no pull-through rule has the prefix "quay"`},
		{"a prefix that only starts with a rule's prefix", "quay.io", "quayside", []types.PullThroughCacheRule{rule("quay", "quay.io", "")}, Fail, "no pull-through rule"},
		{"a rule for another upstream", "quay.io", "ecr-public", []types.PullThroughCacheRule{public}, Fail, "is for public.ecr.aws"},
		{"a longer prefix than the rule's", "quay.io", "quay/org", []types.PullThroughCacheRule{rule("quay", "quay.io", "")}, OK, "quay.io"},
		{"the rule for all prefixes", "quay.io", "", []types.PullThroughCacheRule{rule("ROOT", "quay.io", "")}, OK, "quay.io"},
		{"the longest prefix wins", "quay.io", "a/b", []types.PullThroughCacheRule{rule("a/b", "quay.io", ""), rule("ROOT", "public.ecr.aws", ""), rule("a", "ghcr.io", "s")}, OK, "quay.io"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assertCheck(t, checkRule(c.upstream, c.prefix, c.rules), c.state, c.message)
		})
	}
}

func TestWhetherCacheMountsAreKeptIsChecked(t *testing.T) {
	all := []string{variables.MountsAuto}
	kept := variables.Settings{Mode: variables.ModeRegistry, Mounts: all, MountLimit: 2_500_000_000}
	with := func(change func(*variables.Settings)) variables.Settings {
		changed := kept
		change(&changed)
		return changed
	}
	cases := []struct {
		name     string
		settings variables.Settings
		kind     string
		state    State
		found    string
	}{
		{"they are kept", kept, variables.BuilderNative, OK, "all cache mounts are kept with the cache of mode registry, each up to 2.5 GB"},
		{"some are kept", with(func(s *variables.Settings) { s.Mounts = []string{"go", "npm"} }), variables.BuilderNative, OK, "the cache mounts go, npm are kept"},
		{"in a folder", with(func(s *variables.Settings) { s.Mode, s.LocalDir = variables.ModeLocal, "/cache" }), variables.BuilderNative, OK, "with the cache of mode local"},
		{"another builder", kept, variables.BuilderContainer, Warn, "the container builder cannot, only the native one can"},
		{"no builder", kept, "", Skipped, "no builder can run here"},
		{"a mode that cannot keep them", with(func(s *variables.Settings) { s.Mode = variables.ModeInline }), variables.BuilderNative, Warn, "mode inline cannot keep them"},
		{"a local cache without a folder", with(func(s *variables.Settings) { s.Mode = variables.ModeLocal }), variables.BuilderDocker, Warn, "only with LAYERCACHE_LOCAL_DIR"},
		{"no cache is configured", with(func(s *variables.Settings) { s.Mode = variables.ModeOff }), variables.BuilderDocker, OK, "the cache is off"},
		{"they are off", with(func(s *variables.Settings) { s.Mounts = []string{variables.MountsOff} }), variables.BuilderNative, OK, "LAYERCACHE_MOUNTS=off"},
		{"they are off, and no builder can run", with(func(s *variables.Settings) { s.Mounts = []string{variables.MountsOff} }), "", OK, "LAYERCACHE_MOUNTS=off"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assertCheck(t, checkMounts(c.settings, c.kind), c.state, c.found)
		})
	}
}
