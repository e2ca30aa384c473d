//go:build linux

package run

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/layercache/layercache/test/agent"
)

// object is a part of an answer of the API.
type object = map[string]any

// state is what is known of the build, in the API's words. While it runs it is said to be in phase BUILD, whichever it is in.
//
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html
func (b *build) state() object {
	known := object{
		"buildNumber": b.number, "startTime": seconds(b.began), "buildStatus": "IN_PROGRESS", "buildComplete": false, "currentPhase": "BUILD",
		"phases": []object{{"phaseType": "BUILD", "startTime": seconds(b.began)}}, "environment": b.environment(),
		"source": sourceOf(*b.project.Source), "sourceVersion": b.input.SourceVersion, "logs": b.logs(), "endTime": nil,
	}
	var secondary []object
	for _, source := range b.project.SecondarySources {
		secondary = append(secondary, sourceOf(source))
	}
	known["secondarySources"] = secondary
	select {
	case <-b.done:
		maps.Copy(known, b.end())
	default:
	}
	return known
}

// environment is that of the project with the variables that the build was started with in their places.
func (b *build) environment() object {
	values := variables(b.project.Environment.EnvironmentVariables)
	maps.Copy(values, variables(b.input.EnvironmentVariablesOverride))
	return object{
		"type": b.project.Environment.Type, "image": b.project.Environment.Image, "computeType": b.project.Environment.ComputeType,
		"privilegedMode": b.project.Environment.PrivilegedMode, "environmentVariables": pairs(values),
	}
}

func (b *build) logs() object {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	logs := object{"cloudWatchLogs": object{"status": "ENABLED", "groupName": b.stream[0]}}
	if b.stream[0] != "" {
		logs["groupName"], logs["streamName"] = b.stream[0], b.stream[1]
	}
	return logs
}

// end is how a build that is over ended.
func (b *build) end() object {
	known := object{
		"buildComplete": true, "currentPhase": "COMPLETED", "endTime": seconds(b.ended), "buildStatus": "FAULT",
		"phases": []object{{
			"phaseType": "PROVISIONING", "phaseStatus": "FAULT", "startTime": seconds(b.began), "endTime": seconds(b.ended),
			"contexts": []object{{"statusCode": "INTERNAL_SERVICE_ERROR", "message": fmt.Sprint(b.err)}},
		}},
	}
	if b.err != nil {
		return known
	}
	known["buildStatus"], known["phases"], known["exportedEnvironmentVariables"] = b.result.Status, b.phases(), pairs(b.result.Exported)
	return known
}

// phases are those of the buildspec, one after the other up to the end.
func (b *build) phases() []object {
	start := b.ended.Add(-duration(b.result.Seconds))
	var phases []object
	for _, phase := range b.result.Phases {
		end := start.Add(duration(phase.Seconds))
		told := object{
			"phaseType": phase.Name, "phaseStatus": phase.Status, "startTime": seconds(start), "endTime": seconds(end),
			"durationInSeconds": int(phase.Seconds),
		}
		if phase.Status != agent.Succeeded {
			message := fmt.Sprintf("Error while executing command: %s. Reason: exit status %d", phase.Command, phase.ExitCode)
			told["contexts"] = []object{{"statusCode": "COMMAND_EXECUTION_ERROR", "message": message}}
		}
		phases, start = append(phases, told), end
	}
	return phases
}

func sourceOf(source types.ProjectSource) object {
	return object{"type": source.Type, "location": source.Location, "sourceIdentifier": source.SourceIdentifier}
}

// pairs are variables in the API's form.
func pairs(values map[string]string) []object {
	var all []object
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, object{"name": name, "value": values[name]})
	}
	return all
}

// seconds are a time as the API writes it.
func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
