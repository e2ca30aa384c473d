package lint

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each case ends with the instruction in question. Fix may only add --link where the files of the image stay the same.
func TestLinkIsOnlyAddedWhereItCannotChangeTheImage(t *testing.T) {
	cases := []struct {
		name, dockerfile string
		doubt            string // part of why not; empty: --link is added
	}{
		{"a file to a new place in an empty stage", "FROM scratch\nCOPY a /a/\nCOPY b /b/\n", ""},
		{"without a slash, where nothing can be", "FROM scratch\nCOPY a /a/\nCOPY b /b\n", ""},
		{"several folders down, where nothing can be", "FROM scratch\nCOPY a /a/\nCOPY b /x/y/z/\n", ""},
		{"beside what is known, below a folder that was made on the way", "FROM scratch\nCOPY a /usr/share/a/\nCOPY b /usr/share/b/\n", ""},
		{"into WORKDIR", "FROM scratch\nWORKDIR /app\nCOPY . .\n", ""},
		{"relative to WORKDIR", "FROM scratch\nWORKDIR /app\nWORKDIR sub\nCOPY x y/\n", ""},
		{"several sources", "FROM scratch\nCOPY a /a/\nCOPY b c /d/\n", ""},
		{"from another stage with --exclude", "FROM scratch\nCOPY a /a/\nCOPY --from=x --exclude=*.md b /b/\n", ""},
		{"with an owner in numbers, where nothing can be", "FROM scratch\nCOPY a /a/\nCOPY --chown=1000:1000 b /b/\n", ""},
		{"beside the files of heredocs", "FROM scratch\nCOPY <<x /etc/\nx\nCOPY a /etc/a/\n", ""},
		{"in a stage built on a stage that is known", "FROM scratch AS a\nCOPY a /a/\nFROM a\nCOPY b /b/\n", ""},
		{"after a metadata instruction", "FROM scratch\nCOPY a /a/\nENV X=y\nUSER 1000\nVOLUME /v\nCOPY b /b/\n", ""},

		{"in an image", "FROM alpine\nCOPY b /b/\n", "the image alpine may have a symlink"},
		{"in an image without a slash", "FROM alpine\nCOPY b /b\n", "without a slash at the destination's end"},
		{"in an image, below a WORKDIR that may have been there", "FROM alpine\nWORKDIR /app\nCOPY b .\n", "the image alpine may have a symlink"},
		{"in a stage built on an image", "FROM alpine AS a\nFROM a\nCOPY b /b/\n", "the image alpine"},
		{"in a stage that a variable names", "ARG B=scratch\nFROM $B\nCOPY b /b/\n", "the image $B"},
		{"after a RUN", "FROM scratch\nCOPY a /a/\nRUN [\"/a/a\"]\nCOPY b /b/\n", "an earlier RUN"},
		{"after an ADD", "FROM scratch\nADD a.tar /a/\nCOPY b /b/\n", "an earlier ADD"},
		{"an ADD", "FROM scratch\nCOPY a /a/\nADD b /b/\n", "ADD unpacks"},
		{"below a folder with unknown files", "FROM scratch\nCOPY a /a/\nCOPY b /a/b/\n", "files into /a that are not known"},
		{"into a folder with unknown files", "FROM scratch\nCOPY a /a/\nCOPY b /a/\n", "put something at /a"},
		{"at a place where there is something", "FROM scratch\nCOPY a /a\nCOPY b /a\n", "put something at /a"},
		{"below what may be a file", "FROM scratch\nCOPY a /a\nCOPY b /a/b\n", "files into /a"},
		{"over a folder that holds one", "FROM scratch\nCOPY a /x/a/\nCOPY b /x/\n", "put something at /x"},
		{"over a heredoc's file", "FROM scratch\nCOPY <<x /etc/\nx\nCOPY a /etc/x\n", "put something at /etc/x"},
		{"without a slash onto WORKDIR", "FROM scratch\nWORKDIR /app\nCOPY a /app\n", "has no slash at its end and is a folder"},
		{"after files came to the root", "FROM scratch\nCOPY a /\nCOPY b /b/\n", "files into / that are not known"},
		{"after a copy through a folder that may be a symlink", "FROM scratch\nCOPY a /a/\nCOPY b /a/b/c/\nCOPY d /d/\n", "wrote through a folder"},
		{"after a WORKDIR below a folder that may be a symlink", "FROM scratch\nCOPY a /a/\nWORKDIR /a/b\nCOPY d /d/\n", "wrote through a folder"},
		{"below a folder of another owner", "FROM scratch\nCOPY --chown=1:1 a /x/a/\nCOPY b /x/b/\n", "files into /x"},
		{"below a folder of another mode", "FROM scratch\nCOPY --chmod=700 a /x/a/\nCOPY b /x/b/\n", "files into /x"},
		{"below a WORKDIR of another owner", "FROM scratch\nUSER 1000\nWORKDIR /app\nCOPY b /app/b/\n", "files into /app"},
		{"with an owner below a folder of root", "FROM scratch\nWORKDIR /app\nCOPY --chown=1 b /app/b/\n", "another owner"},
		{"with an owner into a folder of root", "FROM scratch\nWORKDIR /app\nCOPY --chown=1 b /app/\n", "another owner"},
		{"with an owner by name", "FROM scratch\nCOPY a /a/\nCOPY --chown=app b /b/\n", "--chown names a user"},
		{"with an owner from a variable", "FROM scratch\nCOPY a /a/\nCOPY --chown=$U b /b/\n", "--chown names a user"},
		{"with --parents", "FROM scratch\nCOPY a /a/\nCOPY --parents b/c /b/\n", "--parents"},
		{"to a variable", "FROM scratch\nCOPY a /a/\nCOPY b $D/\n", "only known in the build"},
		{"after a copy to a variable", "FROM scratch\nCOPY a $D\nCOPY b /b/\n", "only known in the build"},
		{"relative to a variable", "FROM scratch\nWORKDIR $D\nCOPY b c/\n", "only known in the build"},
		{"in a stage whose base has ONBUILD", "FROM scratch AS a\nONBUILD COPY x /b\nFROM a\nCOPY b /b/\n", "ONBUILD"},
		{"for Windows", "FROM --platform=windows/amd64 scratch\nCOPY a /a/\nCOPY b /b/\n", "may have a symlink"},
		{"with a name broken over lines", "FROM scratch\nCOPY a /a/\nCO\\\nPY b /b/\n", "broken by a line continuation"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			findings, err := Check([]byte(c.dockerfile), Options{})
			require.NoError(t, err)
			last := findings[len(findings)-1]
			for _, f := range findings {
				if f.Rule == "copy-without-link" {
					last = f
				}
			}
			require.Equal(t, "copy-without-link", last.Rule)
			assert.Equal(t, c.doubt == "", last.Fixable, last.Message)
			assert.Contains(t, last.Message, c.doubt)
			if last.Fixable {
				assert.Equal(t, Warning, last.Level)
			} else {
				assert.Equal(t, Info, last.Level)
			}
		})
	}
}

func TestCopyWithoutLinkIsOnlyReportedWhereLinkHelps(t *testing.T) {
	checkRule(t, "copy-without-link", []ruleCase{
		{"at the end of a stage", "FROM a\nRUN x\nCOPY b /b/\n", one(3, Info)},
		{"below a RUN, which needs the files anyway, it is not", "FROM a\nCOPY b /b/\nRUN x\n", nil},
		{"as the first layer there is nothing to be free of", "FROM scratch\nCOPY a /a/\n", nil},
		{"with --link it is done", "FROM a\nCOPY --link b /b/\n", nil},
		{"--link=false is a decision", "FROM a\nCOPY --link=false b /b/\n", nil},
		{"with --chmod BuildKit makes no link", "FROM a\nCOPY --chmod=755 b /b/\n", nil},
		{"to folders that are symlinks in most images it would do harm", "FROM a\nCOPY b /bin/b\nCOPY b /lib/x/\nCOPY b /var/run/x/\n", nil},
		{"to folders whose mode or owner matters as well", "FROM a\nCOPY b /tmp/b\nCOPY b /root/\nCOPY b /home/node/\n", nil},
		{"a folder over the root as well", "FROM a\nCOPY rootfs /\n", nil},
		{"ONBUILD is not judged", "FROM a\nONBUILD COPY b /b/\n", nil},
	})
}
