package try

import (
	"io"
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
		{"the JSON form as BuildKit shows it", []string{"a.go", "b.go"}, []string{"COPY [a.go, /s/]"}, "a.go", "COPY [a.go, /s/]"},
		{"files that come by a bind mount alone", []string{"a.go"}, []string{"RUN --mount=type=bind,target=/src make"}, "a.go", "RUN --mount=type=bind,target=/src make"},
		{"an excluded file is not chosen", []string{"a.go", "b.md"}, []string{"COPY --exclude=*.md . ."}, "a.go", "COPY --exclude=*.md . ."},
		{"the newest file is a lock file", []string{"a.ts", "pnpm-lock.yaml", "bun.lock"}, []string{"COPY . ."}, "a.ts", "COPY . ."},
		{"documents and hidden files are no sources", []string{"src/a.go", "README.md", "LICENSE", ".gitignore"}, []string{"COPY . ."}, "src/a.go", "COPY . ."},
		{"documents that come last do not hide sources", []string{"src/a.go", "README.md"}, []string{"COPY src src", "COPY README.md ."}, "src/a.go", "COPY src src"},
		{"documents are the sources if there are no others", []string{"docs/a.md", "package.json"}, []string{"COPY . ."}, "docs/a.md", "COPY . ."},
		{"nothing is copied", []string{"a.go"}, []string{"RUN true"}, "", ""},
		{"the copied file does not exist", []string{"a.go"}, []string{"COPY b.go ."}, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var steps []report.Step
			for _, instruction := range c.instructions {
				steps = append(steps, report.Step{Instruction: instruction})
			}
			files, err := (&trial{}).files(buildContext{dir: folder(t, c.files...)})
			require.NoError(t, err)
			file, instruction := chooseSource(files, steps)
			assert.Equal(t, c.file, file)
			assert.Equal(t, c.instruction, instruction)
		})
	}
}

func TestTheDependencyToChangeIsTheFirstThatIsCopied(t *testing.T) {
	cases := []struct {
		name              string
		files             []string
		instructions      []string
		file, instruction string
	}{
		{"Go", []string{"go.mod", "go.sum", "a.go"}, []string{"COPY go.mod go.sum ./", "COPY . ."}, "go.mod", "COPY go.mod go.sum ./"},
		{"npm", []string{"package.json", "package-lock.json"}, []string{"COPY package*.json ."}, "package.json", "COPY package*.json ."},
		{"pnpm, by its lock file alone", []string{"package.json", "pnpm-lock.yaml"}, []string{"COPY pnpm-lock.yaml .", "COPY . ."}, "pnpm-lock.yaml", "COPY pnpm-lock.yaml ."},
		{"yarn", []string{"yarn.lock", "package.json"}, []string{"COPY . ."}, "package.json", "COPY . ."},
		{"pip", []string{"requirements-dev.txt", "app.py"}, []string{"COPY . ."}, "requirements-dev.txt", "COPY . ."},
		{"poetry", []string{"pyproject.toml", "poetry.lock"}, []string{"COPY pyproject.toml poetry.lock ."}, "pyproject.toml", "COPY pyproject.toml poetry.lock ."},
		{"uv, by bind mounts", []string{"pyproject.toml", "uv.lock"}, []string{"RUN --mount=type=bind,source=uv.lock,target=uv.lock uv sync"}, "uv.lock", "RUN --mount=type=bind,source=uv.lock,target=uv.lock uv sync"},
		{"cargo", []string{"Cargo.lock", "Cargo.toml", "src/main.rs"}, []string{"COPY Cargo.* .", "COPY src src"}, "Cargo.toml", "COPY Cargo.* ."},
		{"Maven", []string{"pom.xml", "src/A.java"}, []string{"COPY pom.xml .", "COPY src src"}, "pom.xml", "COPY pom.xml ."},
		{"Gradle", []string{"build.gradle.kts", "settings.gradle.kts"}, []string{"COPY *.kts ."}, "build.gradle.kts", "COPY *.kts ."},
		{"Bundler", []string{"Gemfile", "Gemfile.lock"}, []string{"COPY Gemfile* ."}, "Gemfile", "COPY Gemfile* ."},
		{"Composer", []string{"composer.json", "composer.lock"}, []string{"COPY composer.* ."}, "composer.json", "COPY composer.* ."},
		{"the file nearest to the root", []string{"packages/a/package.json", "package.json"}, []string{"COPY . ."}, "package.json", "COPY . ."},
		{"no dependencies", []string{"a.sh"}, []string{"COPY . ."}, "", ""},
		{"dependencies that no step takes", []string{"go.mod", "src/a.go"}, []string{"COPY src src"}, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var steps []report.Step
			for _, instruction := range c.instructions {
				steps = append(steps, report.Step{Instruction: instruction})
			}
			files, err := (&trial{}).files(buildContext{dir: folder(t, c.files...)})
			require.NoError(t, err)
			file, instruction := chooseDependency(files, steps)
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
		{"a file chosen with --touch", "src/a.go", "src/a.go", "changed source: src/a.go, one newline added (named with --touch)", cold},
		{"a file chosen by the Dockerfile", "", "b.go", "changed source: b.go, one newline added (copied by COPY . .; choose another with --touch)", cold},
		{"no file to choose", "", "", "changed source: left out, because no step takes a source file of the build context", &report.Report{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, "src/a.go", "b.go")
			try := &trial{options: Options{Touch: c.touch}, context: dir}
			changed, err := try.change(try.plannedChanges()[0], row{Cold, c.cold})
			require.NoError(t, err)
			assert.Equal(t, c.changed != "", changed)
			assert.Equal(t, []string{c.message}, try.changes)
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

func TestADependencyIsChangedOrTheRowIsLeftOut(t *testing.T) {
	cold := &report.Report{Steps: []report.Step{{Instruction: "COPY . ."}}}
	try := &trial{context: folder(t, "a.go", "go.mod")}
	changed, err := try.change(try.plannedChanges()[1], row{Cold, cold})
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, "content of go.mod\n", contentOf(t, filepath.Join(try.context, "go.mod")))

	try = &trial{context: folder(t, "a.go")}
	changed, err = try.change(try.plannedChanges()[1], row{Cold, cold})
	require.NoError(t, err)
	assert.False(t, changed)
	assert.Equal(t, []string{"changed dependency: left out, because no step takes a file that lists dependencies, such as go.mod, package.json or requirements.txt; name one with --dependency"}, try.changes)
}

func TestOurOwnReportsAreNeverTheChangedFile(t *testing.T) {
	dir := folder(t, "a.go")
	dockerfile := filepath.Join(dir, "Dockerfile")
	require.NoError(t, os.WriteFile(dockerfile, []byte("FROM scratch\nCOPY layercache-report/report.html a.go old ./\n"), 0o644))
	// The one is copied by name, so it stays in the context. The other came from elsewhere.
	for _, reports := range []string{"layercache-report", "old/from-ci"} {
		require.NoError(t, (&report.Report{Verdict: "cold"}).Write(filepath.Join(dir, reports)))
	}
	copied, own, err := copyWithoutOutputs(Options{Dir: dir, Dockerfile: dockerfile, Stderr: io.Discard})
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(copied) })
	require.Equal(t, []string{"layercache-report/report.html"}, own)
	require.FileExists(t, filepath.Join(copied, "old", "from-ci", "report.html"))
	files, err := (&trial{own: own}).files(buildContext{dir: copied})
	require.NoError(t, err)
	file, _ := chooseSource(files, []report.Step{{Instruction: "COPY layercache-report/report.html a.go old ./"}})
	assert.Equal(t, "a.go", file)
}

func TestAFileThatIsNotInTheContextIsAnError(t *testing.T) {
	try := &trial{options: Options{Touch: "gone.go"}, context: folder(t, "a.go")}
	_, err := try.change(try.plannedChanges()[0], row{Cold, &report.Report{}})
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
			try := &trial{options: Options{Touch: link.touch}, context: copied}
			_, err = try.change(try.plannedChanges()[0], row{Cold, &report.Report{}})
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
