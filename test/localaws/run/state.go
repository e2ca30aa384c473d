//go:build linux

package run

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/layercache/layercache/test/localaws/agent"
)

// object is a JSON object in an answer of the API.
type object = map[string]any

// state returns the state of the build in the form of the API. While the build runs, its phase is always
// BUILD.
//
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html
func (b *build) state() object {
	state := object{
		"buildNumber": b.number, "startTime": seconds(b.began), "buildStatus": "IN_PROGRESS", "buildComplete": false, "currentPhase": "BUILD",
		"phases": []object{{"phaseType": "BUILD", "startTime": seconds(b.began)}}, "environment": b.environment(),
		"source": sourceOf(*b.project.Source), "sourceVersion": b.input.SourceVersion, "logs": b.logs(), "endTime": nil,
	}
	var secondary []object
	for _, source := range b.project.SecondarySources {
		secondary = append(secondary, sourceOf(source))
	}
	state["secondarySources"] = secondary
	if b.member.batch != "" {
		state["buildBatchArn"] = b.member.batch
	}
	select {
	case <-b.done:
		maps.Copy(state, b.end())
	default:
	}
	return state
}

// environment returns the project's environment with the overrides of the build.
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

// end returns the fields that change at the end of a build.
func (b *build) end() object {
	state := object{
		"buildComplete": true, "currentPhase": "COMPLETED", "endTime": seconds(b.ended), "buildStatus": "FAULT",
		"phases": []object{{
			"phaseType": "PROVISIONING", "phaseStatus": "FAULT", "startTime": seconds(b.began), "endTime": seconds(b.ended),
			"contexts": []object{{"statusCode": "INTERNAL_SERVICE_ERROR", "message": fmt.Sprint(b.err)}},
		}},
	}
	if b.err != nil {
		return state
	}
	state["buildStatus"], state["phases"], state["exportedEnvironmentVariables"] = b.result.Status, b.phases(), pairs(b.result.Exported)
	return state
}

// phases returns the phases of the buildspec. Their times are computed backwards from the end of the build.
func (b *build) phases() []object {
	start := b.ended.Add(-duration(b.result.Seconds))
	var phases []object
	for _, phase := range b.result.Phases {
		end := start.Add(duration(phase.Seconds))
		shape := object{
			"phaseType": phase.Name, "phaseStatus": phase.Status, "startTime": seconds(start), "endTime": seconds(end),
			"durationInSeconds": int(phase.Seconds),
		}
		if phase.Status != agent.Succeeded {
			message := fmt.Sprintf("Error while executing command: %s. Reason: exit status %d", phase.Command, phase.ExitCode)
			shape["contexts"] = []object{{"statusCode": "COMMAND_EXECUTION_ERROR", "message": message}}
		}
		phases, start = append(phases, shape), end
	}
	return phases
}

func sourceOf(source types.ProjectSource) object {
	return object{"type": source.Type, "location": source.Location, "sourceIdentifier": source.SourceIdentifier}
}

// pairs returns variables in the form of the API.
func pairs(values map[string]string) []object {
	var all []object
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, object{"name": name, "value": values[name]})
	}
	return all
}

// seconds returns a time in the form of the API.
func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
