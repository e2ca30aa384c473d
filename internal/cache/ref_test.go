package cache

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tagGrammar is the grammar of the distribution specification.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
var tagGrammar = regexp.MustCompile(`\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z`)

const amd64 = "linux/amd64"

// If tags changed between versions, no existing cache would be found again.
func TestTagsAreTheSameInEveryVersion(t *testing.T) {
	cases := []struct {
		name  string
		scope Scope
		want  string
	}{
		{"plain names are kept", Scope{"shop", amd64, "main"}, "shop--linux-amd64--main"},
		{"a variant is part of the platform", Scope{"shop", "linux/arm/v7", "main"}, "shop--linux-arm-v7--main"},
		{"without a branch the tag has two parts", Scope{"shop", amd64, ""}, "shop--linux-amd64"},
		{"dots, underscores and inner dashes are kept", Scope{"my_app", amd64, "release-1.2"}, "my_app--linux-amd64--release-1.2"},
		{"a slash becomes a dash, and a digest is added", Scope{"shop", amd64, "feature/x"}, "shop--linux-amd64--feature-x-217d2bf51f"},
		{"capitals become lower case, and a digest is added", Scope{"shop", amd64, "Main"}, "shop--linux-amd64--main-eb814be3ca"},
		{"several platforms add a digest", Scope{"shop", "linux/amd64,linux/arm64", "main"}, "shop--linux-amd64-linux-arm64-da806241c7--main"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Tag(c.scope)) })
	}
}

func TestAnyTextMakesAValidTag(t *testing.T) {
	cases := []struct{ name, text string }{
		{"nothing", ""},
		{"one letter", "x"},
		{"dots alone", ".."},
		{"dashes alone", "----"},
		{"a leading dot", ".hidden"},
		{"a trailing dash", "x-"},
		{"the separator", "--"},
		{"spaces", "   "},
		{"a command", "$(reboot);`id`|rm -rf /"},
		{"a flag", "--push"},
		{"a NUL", "a\x00b"},
		{"line ends", "a\r\nb"},
		{"an attribute of a cache flag", "x,mode=min,ref=elsewhere"},
		{"a path to a parent folder", "../../etc/passwd"},
		{"letters of another script", "ветка/główna/分支"},
		{"an emoji", "🚀"},
		{"invalid UTF-8", "\xff\xfe\x80"},
		{"the longest tag", strings.Repeat("a", 128)},
		{"longer than a tag", strings.Repeat("a", 129)},
		{"a cut at a dash", strings.Repeat("a", 28) + "-" + strings.Repeat("b", 60)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, scope := range []Scope{{c.text, amd64, "main"}, {"shop", c.text, "main"}, {"shop", amd64, c.text}, {c.text, c.text, c.text}} {
				checkTag(t, scope)
			}
		})
	}
}

func TestTenMegabytesMakeAValidTag(t *testing.T) {
	checkTag(t, Scope{"shop", amd64, strings.Repeat("ab", 5<<20)})
	checkTag(t, Scope{"shop", amd64, strings.Repeat("-", 10<<20)})
}

func checkTag(t *testing.T, scope Scope) {
	t.Helper()
	tag := Tag(scope)
	assert.Regexp(t, tagGrammar, tag)
	assert.Regexp(t, tagGrammar, RecordRef(tag))
	assert.Equal(t, tag, Tag(scope), "the same scope has the same tag")
	assert.LessOrEqual(t, strings.Count(tag, separator), 2, "no part contains the separator")
}

func TestSimilarScopesHaveDifferentTags(t *testing.T) {
	long := strings.Repeat("a", 200)
	cases := []struct {
		name string
		a, b Scope
	}{
		{"a slash and a dash", Scope{"shop", amd64, "feature/x"}, Scope{"shop", amd64, "feature-x"}},
		{"a slash and two dashes", Scope{"shop", amd64, "feature/x"}, Scope{"shop", amd64, "feature--x"}},
		{"a slash and an underscore", Scope{"shop", amd64, "feature/x"}, Scope{"shop", amd64, "feature_x"}},
		{"capitals", Scope{"shop", amd64, "Main"}, Scope{"shop", amd64, "main"}},
		{"capitals that leave the same letters", Scope{"shop", amd64, "Main"}, Scope{"shop", amd64, "Xain"}},
		{"a trailing dash", Scope{"shop", amd64, "main-"}, Scope{"shop", amd64, "main"}},
		{"a trailing space", Scope{"shop", amd64, "main "}, Scope{"shop", amd64, "main"}},
		{"letters of another script", Scope{"shop", amd64, "mаin"}, Scope{"shop", amd64, "main"}},
		{"an accent in one and in two code points", Scope{"shop", amd64, "caf\u00e9"}, Scope{"shop", amd64, "cafe\u0301"}},
		{"different invalid UTF-8", Scope{"shop", amd64, "\xff"}, Scope{"shop", amd64, "\xfe"}},
		{"long names that differ at the end", Scope{"shop", amd64, long + "1"}, Scope{"shop", amd64, long + "2"}},
		{"long apps that differ at the end", Scope{long + "1", amd64, "main"}, Scope{long + "2", amd64, "main"}},
		{"a branch that contains a platform", Scope{"x", amd64, "linux-arm64--y"}, Scope{"x--linux-amd64", "linux/arm64", "y"}},
		{"an app that contains a platform", Scope{"x--linux-amd64", amd64, "y"}, Scope{"x", amd64, "linux-amd64--y"}},
		{"no branch and a branch in the platform", Scope{"x", "linux-amd64--main", ""}, Scope{"x", amd64, "main"}},
		{"no branch and a branch in the app", Scope{"x--linux-amd64", "main", ""}, Scope{"x", amd64, "main"}},
		{"no app and an app named like the digest of nothing", Scope{"", amd64, "main"}, Scope{"e3b0c44298", amd64, "main"}},
		{"a branch that is named like another's tag", Scope{"shop", amd64, "feature/x"}, Scope{"shop", amd64, "feature-x-217d2bf51f"}},
		{"a branch that is named like another's digest", Scope{"shop", amd64, "🚀"}, Scope{"shop", amd64, Slug("🚀", 44)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.NotEqual(t, Tag(c.a), Tag(c.b)) })
	}
}

func TestABuildReadsItsBranchThenTheFallbackBranch(t *testing.T) {
	const repository = "localhost:5000/cache"
	main, feature := repository+":shop--linux-amd64--main", repository+":shop--linux-amd64--feature"
	cases := []struct {
		name, branch string
		want         Refs
	}{
		{"another branch reads two caches", "feature", Refs{Imports: []string{feature, main}, Export: feature}},
		{"the fallback branch reads one", "main", Refs{Imports: []string{main}, Export: main}},
		{"no branch means the fallback branch", "", Refs{Imports: []string{main}, Export: main}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, NewRefs(repository+":", Scope{"shop", amd64, c.branch}, "main"))
		})
	}
}

func FuzzTag(f *testing.F) {
	f.Add("shop", amd64, "main", "feature/x")
	f.Add("", "", "", "\x00")
	f.Add("x--linux-amd64", "linux/arm64", "y", "Y")
	f.Fuzz(func(t *testing.T, app, platform, branch, other string) {
		scope := Scope{app, platform, branch}
		checkTag(t, scope)
		_, err := name.NewTag("localhost:5000/cache:" + Tag(scope))
		require.NoError(t, err)
		if branch != other {
			require.NotEqual(t, Tag(scope), Tag(Scope{app, platform, other}), "branches %q and %q", branch, other)
		}
	})
}
