package verdict

import (
	"regexp"
	"strings"

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

// BuildKit's errors.
var (
	pulling      = regexp.MustCompile(`^(?:\[internal\] load metadata for |resolve image config for |\[.*\] FROM )(?:docker-image://)?(\S+)`)
	pullFailed   = regexp.MustCompile(`failed to resolve source metadata for (\S+): (.*)`)
	pushFailed   = regexp.MustCompile(`failed to push (\S+): (.*)`)
	fileMissing  = regexp.MustCompile(`failed to calculate checksum of ref \S+: ("[^"]*"): not found`)
	exitCode     = regexp.MustCompile(`did not complete successfully: exit code: (\d+)`)
	diskFull     = regexp.MustCompile(`no space left on device|disk quota exceeded`)
	solverPrefix = regexp.MustCompile(`^(?:ERROR: |failed to build: |failed to solve: )+`)
	absentImage  = regexp.MustCompile(`: not found$|manifest unknown|name unknown`)
)

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
	if diskFull.MatchString(problem) {
		return &Failure{report.FailureOther, "the disk is full", helpDisk}
	}
	if match := exitCode.FindStringSubmatch(problem); match != nil {
		if match[1] == "137" {
			return &Failure{report.FailureStep, step + " was killed (exit code 137), usually for lack of memory", helpKilled}
		}
		return &Failure{report.FailureStep, step + " failed with exit code " + match[1], helpStep}
	}
	if match := pushFailed.FindStringSubmatch(problem); match != nil {
		cause, help := signIns.ofImage(match[1], match[2], helpPush)
		return &Failure{report.FailurePush, "the image could not be pushed to " + match[1] + ": " + cause, help}
	}
	if image, problem := pullOf(vertex, problem); image != "" {
		if absentImage.MatchString(problem) {
			return &Failure{report.FailurePull, "the image " + image + " does not exist", helpPull}
		}
		cause, help := signIns.ofImage(image, problem, helpPull)
		return &Failure{report.FailurePull, "the image " + image + " could not be pulled: " + cause, help}
	}
	if match := fileMissing.FindStringSubmatch(problem); match != nil {
		if step == "" {
			step = "an instruction"
		}
		return &Failure{report.FailureContext, step + " takes " + match[1] + ", which does not exist", helpFile}
	}
	reason := solverPrefix.ReplaceAllString(strings.Join(strings.Fields(problem), " "), "")
	return &Failure{report.FailureOther, escape.Shorten(reason, longestReason), helpFailure}
}

// pullOf returns the image that could not be pulled, and why; empty if the problem is another one.
func pullOf(vertex, problem string) (image, why string) {
	if match := pullFailed.FindStringSubmatch(problem); match != nil {
		return match[1], match[2]
	}
	if match := pulling.FindStringSubmatch(vertex); match != nil {
		return match[1], problem
	}
	return "", ""
}
