package scenarios

import "testing"

func TestSources(t *testing.T) {
	page := small("FROM scratch\nCOPY a /a\nADD http://site.example/data.txt /data/\nCOPY b /b\n")
	repository := small("FROM scratch\nCOPY a /a\nADD http://site.example/git/lib.git#main /lib\nCOPY b /b\n")
	named := small("FROM scratch\nCOPY a /a\nCOPY --from=library lib.txt /lib.txt\nCOPY b /b\n").and("lib/lib.txt", "one\n").and("lib2/lib.txt", "two\n")
	compare(t, []scenario{
		{name: "a page that stays", files: page, prepare: serves("/data.txt", "one")},
		{name: "a page that changes", files: page, prepare: serves("/data.txt", "one"), change: serves("/data.txt", "two"), cause: "data.txt"},
		{name: "a git branch that stays", files: repository, prepare: commits("lib", "lib.txt", "one")},
		{name: "a git branch that moves on", files: repository, prepare: commits("lib", "lib.txt", "one"),
			change: commits("lib", "lib.txt", "two"), cause: "lib.git"},
		{name: "a named context that stays", files: named, args: []string{"--build-context=library=lib"}},
		{name: "a named context that changes", files: named, args: []string{"--build-context=library=lib"},
			change: with("--build-context=library=lib2")},
		{name: "a file that changes its name", files: small("FROM scratch\nCOPY a /a\nADD data-*.txt /data/\n").and("data-1.txt", "data\n"),
			change: all(removes("data-1.txt"), writes("data-2.txt", "data\n"))},
	})
}
