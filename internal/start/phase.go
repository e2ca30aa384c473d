package start

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// phaseNames are the names of the phases for people.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
var phaseNames = map[types.BuildPhaseType]string{
	types.BuildPhaseTypeQueued:          "queued",
	types.BuildPhaseTypeProvisioning:    "provisioning a machine",
	types.BuildPhaseTypeDownloadSource:  "downloading the source",
	types.BuildPhaseTypeInstall:         "install phase",
	types.BuildPhaseTypePreBuild:        "pre_build phase",
	types.BuildPhaseTypeBuild:           "build phase",
	types.BuildPhaseTypePostBuild:       "post_build phase",
	types.BuildPhaseTypeUploadArtifacts: "uploading artifacts",
	types.BuildPhaseTypeFinalizing:      "finishing",
}

// loggedPhases are the phases whose ends the log itself shows.
var loggedPhases = []types.BuildPhaseType{
	types.BuildPhaseTypeInstall, types.BuildPhaseTypePreBuild, types.BuildPhaseTypeBuild, types.BuildPhaseTypePostBuild,
}

// newlyEnded returns a line for each phase that has ended and is not in shown, and adds the phase to shown.
// With a log it leaves out the phases whose ends the log shows.
func newlyEnded(phases []types.BuildPhase, hasLog bool, shown map[types.BuildPhaseType]bool) []string {
	var lines []string
	for _, phase := range phases {
		name := phaseNames[phase.PhaseType]
		if name == "" || phase.EndTime == nil || shown[phase.PhaseType] || hasLog && slices.Contains(loggedPhases, phase.PhaseType) {
			continue
		}
		shown[phase.PhaseType] = true
		line := fmt.Sprintf("%s: %s", name, durationText(time.Duration(aws.ToInt64(phase.DurationInSeconds))*time.Second))
		if phase.PhaseStatus != types.StatusTypeSucceeded && phase.PhaseStatus != "" {
			line += ", " + strings.ToLower(string(phase.PhaseStatus))
		}
		lines = append(lines, line)
	}
	return lines
}

// currentPhase describes the running phase and how long it has run; empty when there is none.
func currentPhase(phases []types.BuildPhase, now time.Time) string {
	for _, phase := range slices.Backward(phases) {
		name := phaseNames[phase.PhaseType]
		if name == "" || phase.EndTime != nil || phase.StartTime == nil {
			continue
		}
		return fmt.Sprintf("%s, %s so far", name, durationText(max(0, now.Sub(*phase.StartTime))))
	}
	return ""
}

// reasons returns CodeBuild's explanations of the phases that did not succeed.
func reasons(phases []types.BuildPhase) string {
	var texts []string
	for _, phase := range phases {
		if phase.PhaseStatus == "" || phase.PhaseStatus == types.StatusTypeSucceeded || phase.PhaseStatus == types.StatusTypeInProgress {
			continue
		}
		text := string(phase.PhaseType)
		for _, phaseContext := range phase.Contexts {
			text += contextText(phaseContext)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// contextText returns the status code and the message of a failed phase.
func contextText(phaseContext types.PhaseContext) string {
	var text string
	for _, part := range []*string{phaseContext.StatusCode, phaseContext.Message} {
		if part != nil && *part != "" {
			text += ": " + oneLine(*part)
		}
	}
	return text
}

// durationText formats a duration, rounded to seconds.
func durationText(duration time.Duration) string {
	duration = duration.Round(time.Second)
	if duration < time.Minute {
		return fmt.Sprintf("%d s", int(duration.Seconds()))
	}
	return fmt.Sprintf("%d min %d s", int(duration.Minutes()), int(duration.Seconds())%60)
}
