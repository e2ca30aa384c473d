package main

import "slices"

// input is what a step of a simulated image reads, besides the steps before it.
type input string

const (
	onNothing      input = "nothing"
	onSource       input = "source"
	onDependencies input = "dependencies"
	onBase         input = "base"
	onDockerfile   input = "Dockerfile"
	// onCommit changes with each commit, such as a build argument with the commit's id.
	onCommit input = "commit"
)

var inputOf = map[change]input{nothing: onNothing, source: onSource, dependencies: onDependencies}

// imageStep is a step of a simulated image.
type imageStep struct {
	// seconds is how long it runs, bytes the size of its layer as stored.
	seconds, bytes float64
	reads          input
	// inputs are the steps that it needs.
	inputs []int
	// base is true for FROM; final for a step of the last stage or of a stage that it starts from.
	base, final bool
}

// image is a kind of image, with assumed times and sizes.
type image struct {
	name  string
	steps []imageStep
}

func from(megabytes float64) imageStep {
	return imageStep{bytes: megabytes * 1e6, reads: onBase, base: true}
}

func run(seconds, megabytes float64, reads input, inputs ...int) imageStep {
	return imageStep{seconds: seconds, bytes: megabytes * 1e6, reads: reads, inputs: inputs}
}

func copyFiles(megabytes float64, reads input, inputs ...int) imageStep {
	return run(0.1+megabytes/200, megabytes, reads, inputs...)
}

// with returns an image whose last stage has the steps from the index on.
func with(name string, last int, steps ...imageStep) image {
	for i := last; i < len(steps); i++ {
		steps[i].final = true
	}
	return image{name, steps}
}

// images are the kinds of image that are replayed.
var images = []image{
	with("one line", 0, from(30), copyFiles(1, onSource, 0)),
	with("static site", 0, from(30), copyFiles(60, onSource, 0)),
	with("Python service", 0, from(50), run(15, 60, onNothing, 0), copyFiles(0.1, onDependencies, 1), run(25, 120, onNothing, 2), copyFiles(1, onSource, 3)),
	with("Node web app, two stages", 5, from(60), copyFiles(0.1, onDependencies, 0), run(40, 150, onNothing, 1), copyFiles(3, onSource, 2), run(35, 8, onNothing, 3),
		from(20), copyFiles(8, onNothing, 5, 4)),
	with("Go service, two stages", 5, from(250), copyFiles(0.1, onDependencies, 0), run(12, 120, onNothing, 1), copyFiles(3, onSource, 2), run(45, 90, onNothing, 3),
		from(1), copyFiles(12, onNothing, 5, 4)),
	with("Java service, two stages", 5, from(200), copyFiles(0.1, onDependencies, 0), run(60, 180, onNothing, 1), copyFiles(3, onSource, 2), run(30, 60, onNothing, 3),
		from(90), copyFiles(50, onNothing, 5, 4)),
	with("C++ with its libraries, two stages", 6, from(40), run(40, 250, onNothing, 0), copyFiles(20, onDependencies, 1), run(240, 80, onNothing, 2), copyFiles(5, onSource, 3), run(90, 40, onNothing, 4),
		from(30), run(8, 15, onNothing, 6), copyFiles(10, onNothing, 7, 5)),
	with("everything copied first", 0, from(60), copyFiles(3, onSource, 0), run(40, 150, onNothing, 1), run(20, 5, onNothing, 2)),
	with("commit in the first step", 0, from(30), run(0.2, 0.1, onCommit, 0), run(15, 60, onNothing, 1), copyFiles(3, onSource, 2), run(20, 30, onNothing, 3)),
	with("copied first, two stages", 4, from(250), copyFiles(3, onSource, 0), run(12, 120, onNothing, 1), run(45, 90, onNothing, 2),
		from(1), copyFiles(12, onNothing, 4, 3)),
	with("model with large libraries", 0, from(80), copyFiles(0.1, onDependencies, 0), run(60, 1800, onNothing, 1), copyFiles(2, onSource, 2)),
	with("generated data", 0, from(30), run(12, 1500, onNothing, 0), copyFiles(1, onSource, 1), run(3, 20, onNothing, 2)),
}

// runs reports for each step whether it runs: it is not cached, and the image or a step that runs needs it.
func (i image) runs(cached func(int) bool) []bool {
	runs := make([]bool, len(i.steps))
	for at := len(i.steps) - 1; at >= 0; at-- {
		runs[at] = !i.steps[at].base && !cached(at) && (at == len(i.steps)-1 || i.feeds(at, runs))
	}
	return runs
}

// feeds reports whether a step that runs needs the step. Each step comes after those that it needs.
func (i image) feeds(at int, runs []bool) bool {
	for later := at + 1; later < len(i.steps); later++ {
		for _, input := range i.steps[later].inputs {
			if input == at && runs[later] {
				return true
			}
		}
	}
	return false
}

// unpacked reports for each step whether its layer has to be on the machine although it does not run: a step that runs
// stands on it.
func (i image) unpacked(runs []bool) []bool {
	present := slices.Clone(runs)
	for at := len(i.steps) - 1; at >= 0; at-- {
		present[at] = runs[at] || i.feeds(at, present)
	}
	for at := range present {
		present[at] = present[at] && !runs[at]
	}
	return present
}

// longestChain returns how long the steps take, each of which waits for those that it needs.
func (i image) longestChain(times []float64) float64 {
	ends, longest := make([]float64, len(i.steps)), 0.0
	for at, step := range i.steps {
		for _, input := range step.inputs {
			ends[at] = max(ends[at], ends[input])
		}
		ends[at] += times[at]
		longest = max(longest, ends[at])
	}
	return longest
}
