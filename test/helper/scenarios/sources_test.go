package scenarios

import "testing"

func TestSources(t *testing.T) {
	page := small("FROM scratch\nCOPY a /a\nADD http://site.example/data.txt /data/\nCOPY b /b\n")
	repository := small("FROM scratch\nCOPY a /a\nADD http://site.example/git/lib.git#main /lib\nCOPY b /b\n")
	named := small("FROM scratch\nCOPY a /a\nCOPY --from=library lib.txt /lib.txt\nCOPY b /b\n").and("lib/lib.txt", "one\n").and("lib2/lib.txt", "two\n")
	compare(t, []scenario{
		{name: "a URL with the same content", files: page, prepare: serves("/data.txt", "one")},
		{name: "a URL with other content", files: page, prepare: serves("/data.txt", "one"), change: serves("/data.txt", "two"), cause: "data.txt"},
		{name: "a git branch without a new commit", files: repository, prepare: commits("lib", "lib.txt", "one")},
		{name: "a git branch with a new commit", files: repository, prepare: commits("lib", "lib.txt", "one"),
			change: commits("lib", "lib.txt", "two"), cause: "lib.git"},
		{name: "an unchanged named context", files: named, args: []string{"--build-context=library=lib"}},
		{name: "a changed named context", files: named, args: []string{"--build-context=library=lib"},
			change: with("--build-context=library=lib2")},
		{name: "a renamed file", files: small("FROM scratch\nCOPY a /a\nADD data-*.txt /data/\n").and("data-1.txt", "data\n"),
			change: all(removes("data-1.txt"), writes("data-2.txt", "data\n"))},
	})
}
