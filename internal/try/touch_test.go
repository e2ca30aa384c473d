package try

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

// folder creates files in a temporary folder, each a second newer than the one before.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("content of "+name), 0o644))
		at := time.Unix(int64(1_700_000_000+i), 0)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	return dir
}

func TestTheFileToChangeIsTheNewestOneOfTheLastCopy(t *testing.T) {
	cases := []struct {
		name              string
		files             []string
		instructions      []string
		file, instruction string
	}{
		{"the whole context", []string{"a.go", "b.go"}, []string{"COPY . ."}, "b.go", "COPY . ."},
		{"the last COPY decides", []string{"src/a.go", "z.txt"}, []string{"COPY z.txt .", "COPY src src"}, "src/a.go", "COPY src src"},
		{"manifests are skipped", []string{"a.go", "go.sum", "web/package-lock.json", "Dockerfile"}, []string{"COPY . ."}, "a.go", "COPY . ."},
		{"a COPY of only manifests is skipped", []string{"a.go", "go.mod"}, []string{"COPY a.go .", "COPY go.mod ."}, "a.go", "COPY a.go ."},
		{"a COPY from another stage is skipped", []string{"a.go"}, []string{"COPY . .", "COPY --from=build /app /app"}, "a.go", "COPY . ."},
		{"a wildcard", []string{"a.go", "b.txt"}, []string{"COPY *.go ."}, "a.go", "COPY *.go ."},
		{"a wildcard that matches a folder includes its files", []string{"web/app/a.js", "z.txt"}, []string{"COPY web/* ."}, "web/app/a.js", "COPY web/* ."},
		{"a source that begins with a slash or a dot", []string{"src/a.go", "b"}, []string{"COPY /src/ ./x", "COPY ./src/a.go ."}, "src/a.go", "COPY ./src/a.go ."},
		{"a source above the context is read from the context", []string{"a.go"}, []string{"COPY ../a.go ."}, "a.go", "COPY ../a.go ."},
		{"a folder with the same prefix does not match", []string{"src/a.go", "srcs/b.go"}, []string{"COPY src ."}, "src/a.go", "COPY src ."},
		{"an invalid pattern is a name", []string{"[a.go"}, []string{"COPY [a.go ."}, "[a.go", "COPY [a.go ."},
		{"nothing is copied", []string{"a.go"}, []string{"RUN true"}, "", ""},
		{"the copied file does not exist", []string{"a.go"}, []string{"COPY b.go ."}, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var steps []report.Step
			for _, instruction := range c.instructions {
				steps = append(steps, report.Step{Instruction: instruction})
			}
			file, instruction, err := chooseFile(folder(t, c.files...), steps)
			require.NoError(t, err)
			assert.Equal(t, c.file, file)
			assert.Equal(t, c.instruction, instruction)
		})
	}
}

func TestTouchAppendsANewlineAndDescribesTheChange(t *testing.T) {
	cold := &report.Report{Steps: []report.Step{{Instruction: "COPY . ."}}}
	cases := []struct {
		name, touch, changed, message string
		cold                          *report.Report
	}{
		{"a file chosen with --touch", "src/a.go", "src/a.go", "src/a.go, one newline added (chosen with --touch)", cold},
		{"a file chosen by the Dockerfile", "", "b.go", "b.go, one newline added (copied by COPY . .; choose another with --touch)", cold},
		{"no file to choose", "", "", "none: the Dockerfile copies no file of its context", &report.Report{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, "src/a.go", "b.go")
			try := &trial{options: Options{Touch: c.touch}, context: dir}
			changed, err := try.touch(c.cold)
			require.NoError(t, err)
			assert.Equal(t, c.changed != "", changed)
			assert.Equal(t, c.message, try.change)
			for _, name := range []string{"src/a.go", "b.go"} {
				want := "content of " + name
				if name == c.changed {
					want += "\n"
				}
				assert.Equal(t, want, contentOf(t, filepath.Join(dir, name)))
			}
		})
	}
}

func TestAFileThatIsNotInTheContextIsAnError(t *testing.T) {
	try := &trial{options: Options{Touch: "gone.go"}, context: folder(t, "a.go")}
	_, err := try.touch(&report.Report{})
	require.ErrorContains(t, err, "change gone.go: ")
	assert.ErrorContains(t, err, "does .dockerignore exclude it?")
}

// A symlink in the copied context may lead to the user's own files, which must not be changed.
func TestASymlinkOutOfTheContextIsNotFollowed(t *testing.T) {
	own := folder(t, "own.txt")
	for name, link := range map[string]struct{ from, to, touch string }{
		"a symlink to a file":   {"link.txt", filepath.Join(own, "own.txt"), "link.txt"},
		"a symlink to a folder": {"linked", own, "linked/own.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, "Dockerfile")
			require.NoError(t, os.Symlink(link.to, filepath.Join(dir, link.from)))
			copied, err := copyContext(dir, filepath.Join(dir, "Dockerfile"))
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(copied) })
			_, err = (&trial{options: Options{Touch: link.touch}, context: copied}).touch(&report.Report{})
			assert.Error(t, err)
			assert.Equal(t, "content of own.txt", contentOf(t, filepath.Join(own, "own.txt")))
		})
	}
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}
