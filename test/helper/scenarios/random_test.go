package scenarios

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// randomised is a random application: a Dockerfile with its files and build arguments.
type randomised struct {
	stages []*randomStage
	files  map[string]string
	modes  map[string]os.FileMode
	args   map[string]string
}

type randomStage struct {
	name, from string
	lines      []*line
}

// line is an instruction. Its text has a here-document in place of %s.
type line struct {
	kind, text, document string
	// reads are the files that it takes from the build context.
	reads []string
}

func (l *line) String() string {
	if l.document == "" {
		return l.text
	}
	return l.text + "\n" + l.document + "EOF"
}

func (a *randomised) dockerfile() string {
	var text strings.Builder
	fmt.Fprintln(&text, "ARG COLOUR=none")
	for _, stage := range a.stages {
		fmt.Fprintf(&text, "FROM %s AS %s\n", stage.from, stage.name)
		for _, line := range stage.lines {
			fmt.Fprintln(&text, line)
		}
	}
	return text.String()
}

func (a *randomised) String() string { return fmt.Sprintf("%s%v", a.dockerfile(), a.args) }

func (a *randomised) clone() *randomised {
	copied := &randomised{files: maps.Clone(a.files), modes: maps.Clone(a.modes), args: maps.Clone(a.args)}
	for _, stage := range a.stages {
		next := *stage
		next.lines = nil
		for _, line := range stage.lines {
			same := *line
			next.lines = append(next.lines, &same)
		}
		copied.stages = append(copied.stages, &next)
	}
	return copied
}

func randomApp(random *rand.Rand) *randomised {
	app := &randomised{
		files: map[string]string{
			"a.txt": "a\n", "b.txt": "b\n", "c.sh": "echo c\n", "decoy.md": "decoy\n",
			"dir/one": "1\n", "dir/two": "2\n", "dir/deep/three": "3\n", "dir/skipped.log": "log\n",
		},
		modes: map[string]os.FileMode{},
		args:  map[string]string{"DECOY": "1", "VERSION": "1", "COLOUR": "red"},
	}
	number := 0
	for i := range 1 + random.IntN(3) {
		stage := &randomStage{name: fmt.Sprintf("s%d", i), from: "bases.example/tiny:1"}
		if i > 0 && random.IntN(3) == 0 {
			stage.from = app.stages[random.IntN(i)].name
		}
		for range 2 + random.IntN(5) {
			number++
			stage.lines = append(stage.lines, randomLine(random, number))
		}
		number++
		stage.lines = append(stage.lines, &line{kind: "run", text: fmt.Sprintf("RUN echo %d > /mark-%s", number, stage.name)})
		app.stages = append(app.stages, stage)
	}
	last := app.stages[len(app.stages)-1]
	for _, stage := range app.stages[:len(app.stages)-1] {
		last.lines = append(last.lines, &line{kind: "from", text: fmt.Sprintf("COPY --from=%s /mark-%s /from-%s", stage.name, stage.name, stage.name)})
	}
	last.lines = append(last.lines, &line{kind: "arg", text: "ARG DECOY"})
	return app
}

// randomLine returns a line. The number makes it differ from all others.
func randomLine(random *rand.Rand, n int) *line {
	all := []func() *line{
		func() *line { return &line{kind: "arg", text: "ARG VERSION"} },
		func() *line { return &line{kind: "arg", text: "ARG COLOUR"} },
		func() *line { return &line{kind: "default", text: fmt.Sprintf("ARG SIZE%d=1", n)} },
		func() *line { return &line{kind: "env", text: fmt.Sprintf("ENV KEY%d=1", n)} },
		func() *line { return &line{kind: "derived", text: fmt.Sprintf("ENV OTHER%d=is-${VERSION:-0}", n)} },
		func() *line { return &line{kind: "workdir", text: fmt.Sprintf("WORKDIR /w%d", n)} },
		func() *line { return &line{kind: "run", text: fmt.Sprintf("RUN echo %d > /r%d", n, n)} },
		func() *line { return &line{kind: "run", text: fmt.Sprintf("RUN echo %d $VERSION $KEY1 > /r%d", n, n)} },
		func() *line {
			return &line{kind: "document", text: fmt.Sprintf("RUN <<EOF cat > /h%d", n), document: fmt.Sprintf("first\nline %d\n", n)}
		},
		func() *line {
			return &line{kind: "document", text: "RUN <<EOF", document: fmt.Sprintf("echo first > /f%d\necho %d\n", n, n)}
		},
		func() *line {
			return &line{kind: "document", text: fmt.Sprintf("COPY <<EOF /d%d", n), document: fmt.Sprintf("first\n%d\n", n)}
		},
		func() *line {
			return &line{kind: "copy", text: fmt.Sprintf("COPY a.txt /c%d", n), reads: []string{"a.txt"}}
		},
		func() *line {
			return &line{kind: "copy", text: fmt.Sprintf("COPY --link b.txt /c%d", n), reads: []string{"b.txt"}}
		},
		func() *line {
			return &line{kind: "copy", text: fmt.Sprintf(`COPY ["a.txt", "c.sh", "/c%d/"]`, n), reads: []string{"a.txt", "c.sh"}}
		},
		func() *line {
			return &line{kind: "copy", text: fmt.Sprintf("COPY *.txt relative%d/", n), reads: []string{"a.txt", "b.txt"}}
		},
		func() *line {
			return &line{kind: "copy", text: fmt.Sprintf("COPY --exclude=*.log dir /c%d", n), reads: []string{"dir/one", "dir/two", "dir/deep/three"}}
		},
		func() *line {
			return &line{kind: "run", text: fmt.Sprintf("RUN --mount=target=/in,source=dir cat /in/one > /m%d", n),
				reads: []string{"dir/one", "dir/two", "dir/deep/three"}}
		},
		func() *line {
			return &line{kind: "run", text: fmt.Sprintf("RUN --mount=type=bind,src=a.txt,dst=/in cat /in > /m%d", n), reads: []string{"a.txt"}}
		},
	}
	return all[random.IntN(len(all))]()
}

// change makes one random change, and returns what the cause must say.
func (a *randomised) change(random *rand.Rand) string {
	for {
		stage := a.stages[random.IntN(len(a.stages))]
		at := random.IntN(len(stage.lines))
		l := stage.lines[at]
		changes := []func() string{
			func() string { return a.changeFile(random, l) },
			func() string { return a.changeLine(l) },
			func() string { return a.swap(stage, at) },
			func() string { return a.remove(stage, at) },
			func() string { return a.insert(random, stage, at) },
			func() string {
				name := []string{"VERSION", "COLOUR"}[random.IntN(2)]
				a.args[name] += "0"
				return "the build argument " + name + " changed"
			},
		}
		if want := changes[random.IntN(len(changes))](); want != "" {
			return want
		}
	}
}

func (a *randomised) changeFile(random *rand.Rand, l *line) string {
	if len(l.reads) == 0 {
		return ""
	}
	file := l.reads[random.IntN(len(l.reads))]
	folder, _, inFolder := strings.Cut(file, "/")
	switch random.IntN(4) {
	case 0:
		a.modes[file] = 0o755
	case 1:
		if inFolder {
			added := folder + "/added"
			a.files[added] = ""
			return added + " was added"
		}
		a.files[file] += "more\n"
	case 2:
		if file == "dir/two" {
			delete(a.files, file)
			return file + " was removed"
		}
		a.files[file] = ""
	default:
		a.files[file] += "changed\n"
	}
	return file + " changed"
}

// changeLine changes the text of a line.
func (a *randomised) changeLine(l *line) string {
	keyword, rest, _ := strings.Cut(l.text, " ")
	name, _, _ := strings.Cut(rest, "=")
	switch l.kind {
	case "run":
		l.text += "; true"
		return "its text changed"
	case "document":
		l.document = strings.Replace(l.document, "first", "changed", 1)
		return "here-document EOF changed"
	case "env", "derived":
		l.text += "2"
		return "ENV " + name + " changed"
	case "default":
		l.text += "2"
		return "the default of ARG " + name + " changed"
	case "workdir":
		l.text += "x"
		return "its text changed (was " + keyword
	case "copy":
		l.text = strings.Replace(l.text, " ", " --chown=1:1 ", 1)
		return "its text changed"
	}
	return ""
}

// isStep reports whether BuildKit shows the line as a step whose result depends on the steps above.
func (l *line) isStep() bool {
	return slices.Contains([]string{"run", "copy", "document"}, l.kind) && !strings.Contains(l.text, "--link")
}

func (a *randomised) swap(stage *randomStage, at int) string {
	if at == 0 || !stage.lines[at].isStep() || !stage.lines[at-1].isStep() {
		return ""
	}
	stage.lines[at], stage.lines[at-1] = stage.lines[at-1], stage.lines[at]
	return "the order of the steps changed"
}

func (a *randomised) remove(stage *randomStage, at int) string {
	l := stage.lines[at]
	_, rest, _ := strings.Cut(l.text, " ")
	name, _, _ := strings.Cut(rest, "=")
	wants := map[string]string{"run": "was removed", "copy": "was removed", "document": "was removed", "env": "ENV " + name + " is no longer set", "default": "ARG " + name + " is no longer set"}
	if wants[l.kind] == "" || strings.Contains(l.text, "/mark-") || strings.Contains(l.text, "--link") {
		return ""
	}
	stage.lines = slices.Delete(stage.lines, at, at+1)
	return wants[l.kind]
}

func (a *randomised) insert(random *rand.Rand, stage *randomStage, at int) string {
	if random.IntN(2) == 0 {
		stage.lines = slices.Insert(stage.lines, at, &line{kind: "env", text: "ENV ADDED=1"})
		return "ENV ADDED is now set"
	}
	stage.lines = slices.Insert(stage.lines, at, &line{kind: "run", text: "RUN echo added > /added"})
	return "it is a new step"
}
