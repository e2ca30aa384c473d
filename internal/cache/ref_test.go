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
		{"plain names are kept", Scope{App: "shop", Platform: amd64, Branch: "main"}, "shop--linux-amd64--main"},
		{"a variant is part of the platform", Scope{App: "shop", Platform: "linux/arm/v7", Branch: "main"}, "shop--linux-arm-v7--main"},
		{"without a branch the tag has two parts", Scope{App: "shop", Platform: amd64, Branch: ""}, "shop--linux-amd64"},
		{"dots, underscores and inner dashes are kept", Scope{App: "my_app", Platform: amd64, Branch: "release-1.2"}, "my_app--linux-amd64--release-1.2"},
		{"a slash becomes a dash, and a digest is added", Scope{App: "shop", Platform: amd64, Branch: "feature/x"}, "shop--linux-amd64--feature-x-217d2bf51f16e9dc49a2"},
		{"capitals become lower case, and a digest is added", Scope{App: "shop", Platform: amd64, Branch: "Main"}, "shop--linux-amd64--main-eb814be3ca3b78c0734c"},
		{"several platforms add a digest", Scope{App: "shop", Platform: "linux/amd64,linux/arm64", Branch: "main"}, "shop--linux-amd64-linux-arm64-da806241c7--main"},
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
			for _, scope := range []Scope{
				{App: c.text, Platform: amd64, Branch: "main"}, {App: "shop", Platform: c.text, Branch: "main"}, {App: "shop", Platform: amd64, Branch: c.text},
				{App: "shop", Platform: amd64, Branch: "main", Build: c.text}, {App: c.text, Platform: c.text, Branch: c.text, Build: c.text},
			} {
				checkTag(t, scope)
			}
		})
	}
}

func TestTenMegabytesMakeAValidTag(t *testing.T) {
	checkTag(t, Scope{App: "shop", Platform: amd64, Branch: strings.Repeat("ab", 5<<20)})
	checkTag(t, Scope{App: "shop", Platform: amd64, Branch: strings.Repeat("-", 10<<20)})
}

func checkTag(t *testing.T, scope Scope) {
	t.Helper()
	tag := Tag(scope)
	assert.Regexp(t, tagGrammar, tag)
	assert.Regexp(t, tagGrammar, RecordRef(tag))
	assert.Regexp(t, tagGrammar, MountRef(tag, strings.Repeat("f", maxMountName)))
	assert.Equal(t, tag, Tag(scope), "the same scope has the same tag")
	assert.LessOrEqual(t, strings.Count(tag, separator), 2, "no part contains the separator")
}

func TestSimilarScopesHaveDifferentTags(t *testing.T) {
	long := strings.Repeat("a", 200)
	cases := []struct {
		name string
		a, b Scope
	}{
		{"a slash and a dash", Scope{App: "shop", Platform: amd64, Branch: "feature/x"}, Scope{App: "shop", Platform: amd64, Branch: "feature-x"}},
		{"a slash and two dashes", Scope{App: "shop", Platform: amd64, Branch: "feature/x"}, Scope{App: "shop", Platform: amd64, Branch: "feature--x"}},
		{"a slash and an underscore", Scope{App: "shop", Platform: amd64, Branch: "feature/x"}, Scope{App: "shop", Platform: amd64, Branch: "feature_x"}},
		{"capitals", Scope{App: "shop", Platform: amd64, Branch: "Main"}, Scope{App: "shop", Platform: amd64, Branch: "main"}},
		{"capitals that leave the same letters", Scope{App: "shop", Platform: amd64, Branch: "Main"}, Scope{App: "shop", Platform: amd64, Branch: "Xain"}},
		{"a trailing dash", Scope{App: "shop", Platform: amd64, Branch: "main-"}, Scope{App: "shop", Platform: amd64, Branch: "main"}},
		{"a trailing space", Scope{App: "shop", Platform: amd64, Branch: "main "}, Scope{App: "shop", Platform: amd64, Branch: "main"}},
		{"letters of another script", Scope{App: "shop", Platform: amd64, Branch: "mаin"}, Scope{App: "shop", Platform: amd64, Branch: "main"}},
		{"an accent in one and in two code points", Scope{App: "shop", Platform: amd64, Branch: "caf\u00e9"}, Scope{App: "shop", Platform: amd64, Branch: "cafe\u0301"}},
		{"different invalid UTF-8", Scope{App: "shop", Platform: amd64, Branch: "\xff"}, Scope{App: "shop", Platform: amd64, Branch: "\xfe"}},
		{"long names that differ at the end", Scope{App: "shop", Platform: amd64, Branch: long + "1"}, Scope{App: "shop", Platform: amd64, Branch: long + "2"}},
		{"long apps that differ at the end", Scope{App: long + "1", Platform: amd64, Branch: "main"}, Scope{App: long + "2", Platform: amd64, Branch: "main"}},
		{"a branch that contains a platform", Scope{App: "x", Platform: amd64, Branch: "linux-arm64--y"}, Scope{App: "x--linux-amd64", Platform: "linux/arm64", Branch: "y"}},
		{"an app that contains a platform", Scope{App: "x--linux-amd64", Platform: amd64, Branch: "y"}, Scope{App: "x", Platform: amd64, Branch: "linux-amd64--y"}},
		{"no branch and a branch in the platform", Scope{App: "x", Platform: "linux-amd64--main", Branch: ""}, Scope{App: "x", Platform: amd64, Branch: "main"}},
		{"no branch and a branch in the app", Scope{App: "x--linux-amd64", Platform: "main", Branch: ""}, Scope{App: "x", Platform: amd64, Branch: "main"}},
		{"no app and an app named like the digest of nothing", Scope{App: "", Platform: amd64, Branch: "main"}, Scope{App: "e3b0c44298", Platform: amd64, Branch: "main"}},
		{"a branch that is named like another's tag", Scope{App: "shop", Platform: amd64, Branch: "feature/x"}, Scope{App: "shop", Platform: amd64, Branch: "feature-x-217d2bf51f16e9dc49a2"}},
		{"another build of the app", Scope{App: "shop", Platform: amd64, Branch: "main"}, Scope{App: "shop", Platform: amd64, Branch: "main", Build: "target=test"}},
		{"an app that is named like another's build", Scope{App: "shop target=test", Platform: amd64, Branch: "main"}, Scope{App: "shop", Platform: amd64, Branch: "main", Build: "target=test"}},
		{"a branch that is named like another's digest", Scope{App: "shop", Platform: amd64, Branch: "🚀"}, Scope{App: "shop", Platform: amd64, Branch: Slug("🚀", 44)}},
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
			assert.Equal(t, c.want, newRefs(repository+":", Scope{App: "shop", Platform: amd64, Branch: c.branch}, "main"))
		})
	}
}

func TestAScopeCanReadTheFallbackBranchFirst(t *testing.T) {
	scope := Scope{App: "shop", Platform: amd64, Branch: "tags", FallbackFirst: true}
	tags, main := "r:shop--linux-amd64--tags", "r:shop--linux-amd64--main"
	assert.Equal(t, Refs{Imports: []string{main, tags}, Export: tags}, newRefs("r:", scope, "main"))
}

func FuzzTag(f *testing.F) {
	f.Add("shop", amd64, "main", "feature/x")
	f.Add("", "", "", "\x00")
	f.Add("x--linux-amd64", "linux/arm64", "y", "Y")
	f.Fuzz(func(t *testing.T, app, platform, branch, other string) {
		scope := Scope{App: app, Platform: platform, Branch: branch}
		checkTag(t, scope)
		_, err := name.NewTag("localhost:5000/cache:" + Tag(scope))
		require.NoError(t, err)
		if branch != other {
			require.NotEqual(t, Tag(scope), Tag(Scope{App: app, Platform: platform, Branch: other}), "branches %q and %q", branch, other)
		}
	})
}
