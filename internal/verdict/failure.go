package verdict

import (
	"regexp"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/source/outline"
)

// Failure is why a build failed.
type Failure struct {
	// Kind is one of the kinds of package report, and Reason a clause.
	Kind, Reason string
	Help         Help
}

// The help for builds that failed.
var (
	helpStep    = Help{"read the step's output above", "step-failed"}
	helpKilled  = Help{"use a machine with more memory, or set LAYERCACHE_PARALLELISM", "step-failed"}
	helpPull    = Help{"correct the image's name, sign in to its registry, or name a mirror in LAYERCACHE_MIRRORS", "image-pull"}
	helpPush    = Help{"create the repository, and allow this identity to push to it", "image-push"}
	helpFile    = Help{"correct the path; .dockerignore may leave the file out", "missing-file"}
	helpDisk    = Help{"use a machine with a larger disk, or remove what is not needed", "disk-full"}
	helpFailure = Help{"read the error above", "the-build-failed"}
)

// pulling matches the names of the vertices that pull an image.
var pulling = regexp.MustCompile(`^(?:\[internal\] load metadata for |resolve image config for |\[.*\] FROM )(?:docker-image://)?(\S+)`)

// longestReason is the number of characters of an error that a reason quotes.
const longestReason = 300

// ExplainFailure returns why a build failed: the first vertex that failed, else the last error that buildx printed. It is
// nil if neither is known.
func ExplainFailure(failed []*progress.Node, buildxError string, signIns SignIns) *Failure {
	if node := first(failed); node != nil {
		return explainProblem(node.Name, node.Error, signIns)
	}
	if buildxError == "" {
		return nil
	}
	return explainProblem("", buildxError, signIns)
}

// first returns the vertex that ended first, and was not cancelled because of another.
func first(failed []*progress.Node) *progress.Node {
	var earliest *progress.Node
	for _, node := range failed {
		if node.Cancelled() || node.Completed == nil {
			continue
		}
		if earliest == nil || node.Completed.Before(*earliest.Completed) {
			earliest = node
		}
	}
	return earliest
}

func explainProblem(vertex, problem string, signIns SignIns) *Failure {
	step := outline.Short(vertex)
	if errortext.IsDiskFull(problem) {
		return &Failure{report.FailureOther, "the disk is full", helpDisk}
	}
	if code := errortext.ExitCode(problem); code != "" {
		if code == "137" {
			return &Failure{report.FailureStep, step + " was killed (exit code 137), usually for lack of memory", helpKilled}
		}
		return &Failure{report.FailureStep, step + " failed with exit code " + code, helpStep}
	}
	if image, problem := errortext.Push(problem); image != "" {
		cause, help := signIns.ofImage(image, problem, helpPush)
		return &Failure{report.FailurePush, "the image could not be pushed to " + image + ": " + cause, help}
	}
	if image, problem := pullOf(vertex, problem); image != "" {
		if errortext.IsAbsentImage(problem) {
			return &Failure{report.FailurePull, "the image " + image + " does not exist", helpPull}
		}
		cause, help := signIns.ofImage(image, problem, helpPull)
		return &Failure{report.FailurePull, "the image " + image + " could not be pulled: " + cause, help}
	}
	if file := errortext.MissingFile(problem); file != "" {
		if step == "" {
			step = "an instruction"
		}
		return &Failure{report.FailureContext, step + " takes " + file + ", which does not exist", helpFile}
	}
	return &Failure{report.FailureOther, escape.Shorten(errortext.Short(problem), longestReason), helpFailure}
}

// pullOf returns the image that could not be pulled, and why; empty if the problem is another one.
func pullOf(vertex, problem string) (image, why string) {
	if image, why := errortext.Pull(problem); image != "" {
		return image, why
	}
	if match := pulling.FindStringSubmatch(vertex); match != nil {
		return match[1], problem
	}
	return "", ""
}
