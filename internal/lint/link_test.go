package lint

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/registry/filelist"
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

// listed returns a function that knows one base image: Debian's layout, in short.
func listed(change func(files map[string]filelist.File, image *filelist.Image)) Bases {
	return func(name, platform string) ([]filelist.Image, error) {
		if name != "base" {
			return nil, errors.New("not found")
		}
		folder := func(mode int64, owner int) filelist.File {
			return filelist.File{Kind: filelist.Directory, Mode: mode, UID: owner, GID: owner, Plain: true}
		}
		image := filelist.Image{Files: map[string]filelist.File{
			"/": folder(0o555, 0), "/bin": {Kind: filelist.Symlink, Target: "usr/bin", Plain: true}, "/usr": folder(0o755, 0), "/usr/bin": folder(0o755, 0),
			"/usr/bin/sh": {Kind: filelist.Regular, Mode: 0o755, Plain: true}, "/usr/local": folder(0o755, 0), "/usr/local/bin": folder(0o755, 0),
			"/etc": folder(0o755, 0), "/etc/hosts": {Kind: filelist.Regular, Plain: true}, "/etc/ssl": folder(0o755, 0), "/etc/ssl/certs": folder(0o755, 0),
			"/etc/mtab": {Kind: filelist.Symlink, Target: "/proc/mounts", Plain: true}, "/tmp": folder(0o1777, 0), "/root": folder(0o700, 0), "/home": folder(0o755, 0), "/home/app": folder(0o755, 1000),
			"/attr": {Kind: filelist.Directory, Mode: 0o755}, "/dev": folder(0o755, 0), "/dev/null": {Kind: filelist.Other, Plain: true},
		}, WorkingDir: "/srv"}
		if change != nil {
			change(image.Files, &image)
		}
		return []filelist.Image{image}, nil
	}
}

// Each case ends with the instruction under test.
func TestLinkOnABaseImageWhoseFilesAreKnown(t *testing.T) {
	context := &Context{Files: fstest.MapFS{
		"app": {}, "hosts": {}, "mtab": {}, "ssl": {}, "dir/x": {}, "link": {Mode: fs.ModeSymlink, Data: []byte("app")},
	}}
	cases := []struct {
		name, dockerfile string
		doubt            string // part of the reason; empty if --link is added
	}{
		{"to a folder that does not exist", "FROM base\nCOPY . /app/\n", ""},
		{"to a path that does not exist", "FROM base\nCOPY --from=x /out/app /usr/bin/app\n", ""},
		{"to an empty folder", "FROM base\nCOPY --from=x /out /usr/local/bin/\n", ""},
		{"into WORKDIR", "FROM base\nWORKDIR /app\nCOPY . .\n", ""},
		{"into WORKDIR by its name, as the context is a folder", "FROM base\nWORKDIR /app\nCOPY . /app\n", ""},
		{"relative to the image's own WORKDIR", "FROM base\nCOPY app x/\n", ""},
		{"a file into a folder with other files", "FROM base\nCOPY app /usr/bin/\n", ""},
		{"a file over a file, by its name", "FROM base\nCOPY app /etc/hosts\n", ""},
		{"a file over a file, in its folder", "FROM base\nCOPY hosts /etc/\n", ""},
		{"the file of a heredoc into a folder", "FROM base\nCOPY <<x /etc/\nx\n", ""},
		{"with an owner, to a folder that does not exist", "FROM base\nCOPY --chown=1:1 app /app/\n", ""},
		{"a second file into the same folder", "FROM base\nCOPY app /etc/\nCOPY hosts /etc/\n", ""},
		{"a folder next to one whose content is not known", "FROM base\nCOPY --from=x /out /usr/local/bin/\nCOPY app /etc/ssl/\n", ""},
		{"in the stage below", "FROM base AS b\nWORKDIR /app\nFROM b\nCOPY . .\n", ""},
		{"below a folder of another mode, next to it", "FROM base\nCOPY app /root/\nCOPY app /etc/\n", ""},

		{"below a symlink", "FROM base\nCOPY app /bin/\n", "/bin is a symlink to usr/bin"},
		{"at a symlink", "FROM base\nCOPY app /etc/mtab\n", "/etc/mtab is a symlink"},
		{"a file over a symlink, in its folder", "FROM base\nCOPY mtab /etc/\n", "/etc/mtab is a symlink"},
		{"a file at the place of a folder", "FROM base\nCOPY ssl /etc/\n", "/etc/ssl is a folder"},
		{"below a folder of another mode", "FROM base\nCOPY app /root/.config/\n", "/root belongs to 0:0 and has mode 0700"},
		{"below a sticky folder", "FROM base\nCOPY app /tmp/app\n", "has mode 1777"},
		{"below a folder of another owner", "FROM base\nCOPY app /home/app/x/\n", "/home/app belongs to 1000:1000"},
		{"below a folder with attributes", "FROM base\nCOPY app /attr/x/\n", "extended attributes"},
		{"below a device", "FROM base\nCOPY app /dev/null/x\n", "is special"},
		{"below a file", "FROM base\nCOPY app /etc/hosts/x\n", "is a file"},
		{"into a folder of another mode", "FROM base\nCOPY app /root/\n", "/root belongs to 0:0"},
		{"without a slash onto a folder", "FROM base\nCOPY app /usr/local\n", "does not end in a slash"},
		{"a folder into one with other files", "FROM base\nCOPY dir /etc/\n", "the folder /etc is not empty"},
		{"another stage's file into a folder with other files", "FROM base\nCOPY --from=x /out/app /usr/bin/\n", "names of the files that are copied are not known"},
		{"a pattern into a folder with other files", "FROM base\nCOPY a* /etc/\n", "not known"},
		{"a symlink into a folder with other files", "FROM base\nCOPY link /etc/\n", "not known"},
		{"a file that the context does not have", "FROM base\nCOPY none /etc/\n", "not known"},
		{"with an owner below a folder of root", "FROM base\nCOPY --chown=1:1 app /etc/x/\n", "would change the owner of the folder /etc"},
		{"over a file that an earlier step copied", "FROM base\nCOPY app /usr/bin/\nCOPY app /usr/bin/\n", "earlier step put something at /usr/bin/app"},
		{"below a folder with unknown files", "FROM base\nCOPY --from=x / /usr/\nCOPY app /usr/bin/\n", "unknown files into /usr"},
		{"after a copy through a symlink", "FROM base\nCOPY app /bin/\nCOPY app /app/\n", "perhaps through a symlink"},
		{"after a RUN", "FROM base\nRUN x\nCOPY app /app/\n", "an earlier RUN"},
		{"a folder that a pattern may not have created, and then another owner", "FROM base\nCOPY z* /x/y/\nCOPY --chown=1:1 app /x/q/\nCOPY app /x/z/\n", "unknown files into /x"},
		{"an image that cannot be read", "FROM other\nCOPY app /app/\n", "could not be read"},
		{"an image that an argument chooses", "ARG B=base\nFROM $B\nCOPY app /app/\n", "a build argument chooses it"},
		{"an image for Windows", "FROM --platform=windows/amd64 base\nCOPY app /app/\n", "not for Linux"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			checkDoubt(t, c.dockerfile, c.doubt, Options{Context: context, Bases: listed(nil)})
		})
	}
}

func TestLinkOnABaseImageWithAConfigurationOfItsOwn(t *testing.T) {
	cases := []struct {
		name, dockerfile, doubt string
		change                  func(files map[string]filelist.File, image *filelist.Image)
	}{
		{"ONBUILD", "FROM base\nCOPY a /app/\n", "ONBUILD", func(_ map[string]filelist.File, image *filelist.Image) { image.Triggers = true }},
		{"a user, who gets the WORKDIR", "FROM base\nWORKDIR /app\nCOPY a .\n", "put something at /app", func(_ map[string]filelist.File, image *filelist.Image) { image.User = "app" }},
		{"no WORKDIR", "FROM base\nCOPY a app/\n", "", func(_ map[string]filelist.File, image *filelist.Image) { image.WorkingDir = "" }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { checkDoubt(t, c.dockerfile, c.doubt, Options{Bases: listed(c.change)}) })
	}
}

func TestLinkIsOnlyAddedWhereItIsSafeOnEachPlatform(t *testing.T) {
	one, _ := listed(nil)("base", "")
	other, _ := listed(func(files map[string]filelist.File, _ *filelist.Image) {
		files["/lib64"] = filelist.File{Kind: filelist.Symlink, Target: "usr/lib64", Plain: true}
		files["/opt"] = filelist.File{Kind: filelist.Directory, Mode: 0o755, Plain: true}
		delete(files, "/etc/ssl/certs")
	})("base", "")
	both := func(string, string) ([]filelist.Image, error) { return append(one, other...), nil }
	checkDoubt(t, "FROM base\nCOPY a /usr/local/bin/\n", "", Options{Bases: both})
	for _, folder := range []string{"/lib64/x/", "/opt/x/", "/etc/ssl/certs/x/"} {
		checkDoubt(t, "FROM base\nRUN true\nFROM base\nENV A=b\nCOPY a "+folder+"\n", "differs between platforms", Options{Bases: both})
	}
}

// checkDoubt checks the last finding of copy-without-link.
func checkDoubt(t *testing.T, dockerfile, doubt string, options Options) {
	t.Helper()
	findings, err := Check([]byte(dockerfile), options)
	require.NoError(t, err)
	lines := strings.Count(dockerfile[:strings.LastIndex(dockerfile, "COPY")], "\n") + 1
	var last *Finding
	for _, f := range findings {
		if f.Rule == "copy-without-link" && f.Line == lines {
			last = &f
		}
	}
	if last == nil { // Where --link does harm in most images, nothing is said unless it is proven.
		require.NotEmpty(t, doubt)
		requireDoubt(t, dockerfile, doubt, options)
		return
	}
	assert.Equal(t, doubt == "", last.Fixable, last.Message)
	assert.Contains(t, last.Message, doubt)
}

// requireDoubt checks the doubt at the last instruction, which is not reported.
func requireDoubt(t *testing.T, dockerfile, doubt string, options Options) {
	t.Helper()
	file, err := parse([]byte(dockerfile), "Dockerfile")
	require.NoError(t, err)
	c := &checker{dockerfile: file, options: options}
	ends := map[*stage]*filesystem{}
	for _, s := range c.stages {
		files := c.baseFilesystem(s, ends)
		for i, in := range s.own {
			if copied, ok := in.transfer(); ok && i == len(s.own)-1 {
				assert.Contains(t, files.linkDoubt(copied, options.Context), doubt)
			}
			files.apply(in, options.Context)
		}
		ends[s] = files
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
