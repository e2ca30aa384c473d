package lint

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each case ends with the instruction under test. Fix may add --link only if the files of the image stay the
// same.
func TestLinkIsOnlyAddedWhereItCannotChangeTheImage(t *testing.T) {
	cases := []struct {
		name, dockerfile string
		doubt            string // part of the reason; empty if --link is added
	}{
		{"a file to a new folder in an empty stage", "FROM scratch\nCOPY a /a/\nCOPY b /b/\n", ""},
		{"without a slash, to a path that cannot exist", "FROM scratch\nCOPY a /a/\nCOPY b /b\n", ""},
		{"to a path of several folders that cannot exist", "FROM scratch\nCOPY a /a/\nCOPY b /x/y/z/\n", ""},
		{"to a folder next to a known one", "FROM scratch\nCOPY a /usr/share/a/\nCOPY b /usr/share/b/\n", ""},
		{"into WORKDIR", "FROM scratch\nWORKDIR /app\nCOPY . .\n", ""},
		{"relative to WORKDIR", "FROM scratch\nWORKDIR /app\nWORKDIR sub\nCOPY x y/\n", ""},
		{"several sources", "FROM scratch\nCOPY a /a/\nCOPY b c /d/\n", ""},
		{"from another stage with --exclude", "FROM scratch\nCOPY a /a/\nCOPY --from=x --exclude=*.md b /b/\n", ""},
		{"with a numeric owner, to a path that cannot exist", "FROM scratch\nCOPY a /a/\nCOPY --chown=1000:1000 b /b/\n", ""},
		{"to a folder next to the file of a heredoc", "FROM scratch\nCOPY <<x /etc/\nx\nCOPY a /etc/a/\n", ""},
		{"in a stage FROM a known stage", "FROM scratch AS a\nCOPY a /a/\nFROM a\nCOPY b /b/\n", ""},
		{"after a metadata instruction", "FROM scratch\nCOPY a /a/\nENV X=y\nUSER 1000\nVOLUME /v\nCOPY b /b/\n", ""},

		{"in an image", "FROM alpine\nCOPY b /b/\n", "the image alpine may have a symlink"},
		{"in an image without a slash", "FROM alpine\nCOPY b /b\n", "does not end in a slash"},
		{"in an image, below a WORKDIR that may have existed", "FROM alpine\nWORKDIR /app\nCOPY b .\n", "the image alpine may have a symlink"},
		{"in a stage FROM a stage FROM an image", "FROM alpine AS a\nFROM a\nCOPY b /b/\n", "the image alpine"},
		{"in a stage FROM a variable", "ARG B=scratch\nFROM $B\nCOPY b /b/\n", "the image $B"},
		{"after a RUN", "FROM scratch\nCOPY a /a/\nRUN [\"/a/a\"]\nCOPY b /b/\n", "an earlier RUN"},
		{"after an ADD", "FROM scratch\nADD a.tar /a/\nCOPY b /b/\n", "an earlier ADD"},
		{"an ADD", "FROM scratch\nCOPY a /a/\nADD b /b/\n", "ADD unpacks"},
		{"below a folder with unknown files", "FROM scratch\nCOPY a /a/\nCOPY b /a/b/\n", "unknown files into /a"},
		{"into a folder with unknown files", "FROM scratch\nCOPY a /a/\nCOPY b /a/\n", "put something at /a"},
		{"to an existing path", "FROM scratch\nCOPY a /a\nCOPY b /a\n", "put something at /a"},
		{"below a path that may be a file", "FROM scratch\nCOPY a /a\nCOPY b /a/b\n", "unknown files into /a"},
		{"to a folder that contains a folder", "FROM scratch\nCOPY a /x/a/\nCOPY b /x/\n", "put something at /x"},
		{"over the file of a heredoc", "FROM scratch\nCOPY <<x /etc/\nx\nCOPY a /etc/x\n", "put something at /etc/x"},
		{"without a slash onto WORKDIR", "FROM scratch\nWORKDIR /app\nCOPY a /app\n", "is a folder and does not end in a slash"},
		{"after a copy to the root folder", "FROM scratch\nCOPY a /\nCOPY b /b/\n", "unknown files into /"},
		{"after a copy through a folder that may be a symlink", "FROM scratch\nCOPY a /a/\nCOPY b /a/b/c/\nCOPY d /d/\n", "wrote into a folder with unknown files"},
		{"after a WORKDIR below a folder that may be a symlink", "FROM scratch\nCOPY a /a/\nWORKDIR /a/b\nCOPY d /d/\n", "wrote into a folder with unknown files"},
		{"below a folder of another owner", "FROM scratch\nCOPY --chown=1:1 a /x/a/\nCOPY b /x/b/\n", "unknown files into /x"},
		{"below a folder of another mode", "FROM scratch\nCOPY --chmod=700 a /x/a/\nCOPY b /x/b/\n", "unknown files into /x"},
		{"below a WORKDIR of another owner", "FROM scratch\nUSER 1000\nWORKDIR /app\nCOPY b /app/b/\n", "unknown files into /app"},
		{"with an owner below a folder of root", "FROM scratch\nWORKDIR /app\nCOPY --chown=1 b /app/b/\n", "would change the owner"},
		{"with an owner into a folder of root", "FROM scratch\nWORKDIR /app\nCOPY --chown=1 b /app/\n", "would change the owner"},
		{"with an owner name", "FROM scratch\nCOPY a /a/\nCOPY --chown=app b /b/\n", "--chown has a user name"},
		{"with an owner from a variable", "FROM scratch\nCOPY a /a/\nCOPY --chown=$U b /b/\n", "--chown has a user name"},
		{"with --parents", "FROM scratch\nCOPY a /a/\nCOPY --parents b/c /b/\n", "--parents"},
		{"to a variable", "FROM scratch\nCOPY a /a/\nCOPY b $D/\n", "known only during the build"},
		{"after a copy to a variable", "FROM scratch\nCOPY a $D\nCOPY b /b/\n", "known only during the build"},
		{"relative to a variable", "FROM scratch\nWORKDIR $D\nCOPY b c/\n", "known only during the build"},
		{"in a stage whose base has ONBUILD", "FROM scratch AS a\nONBUILD COPY x /b\nFROM a\nCOPY b /b/\n", "ONBUILD"},
		{"for Windows", "FROM --platform=windows/amd64 scratch\nCOPY a /a/\nCOPY b /b/\n", "may have a symlink"},
		{"with a name split over two lines", "FROM scratch\nCOPY a /a/\nCO\\\nPY b /b/\n", "a line continuation splits"},
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
		{"above a RUN, which needs the files anyway, it does not help", "FROM a\nCOPY b /b/\nRUN x\n", nil},
		{"the first layer has no layer below it", "FROM scratch\nCOPY a /a/\n", nil},
		{"--link is set", "FROM a\nCOPY --link b /b/\n", nil},
		{"--link=false is set", "FROM a\nCOPY --link=false b /b/\n", nil},
		{"with --chmod BuildKit ignores --link", "FROM a\nCOPY --chmod=755 b /b/\n", nil},
		{"folders that are symlinks in most images", "FROM a\nCOPY b /bin/b\nCOPY b /lib/x/\nCOPY b /var/run/x/\n", nil},
		{"folders whose mode or owner matters", "FROM a\nCOPY b /tmp/b\nCOPY b /root/\nCOPY b /home/node/\n", nil},
		{"a copy to the root folder", "FROM a\nCOPY rootfs /\n", nil},
		{"ONBUILD is not checked", "FROM a\nONBUILD COPY b /b/\n", nil},
	})
}
