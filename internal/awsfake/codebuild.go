package awsfake

import (
	"fmt"
	"strconv"
	"strings"
)

// began is the start time of every scripted build, in Unix seconds.
const began = 1_770_000_000

// Phase is a phase of a build. If Seconds is 0, the phase has not ended.
type Phase struct {
	Type, Status string
	Seconds      int
	// Code and Message are the status code and message of its context.
	Code, Message string
}

// Look is the state of a build in one answer of BatchGetBuilds.
type Look struct {
	// Status is the status of the build; empty means IN_PROGRESS.
	Status string
	Phases []Phase
	// Log holds the log events since the previous look.
	Log []string
	// Exported holds the exported variables, NAME=VALUE.
	Exported []string
}

// Build is a scripted build: each call of BatchGetBuilds returns the next look, and the last look is
// repeated.
type Build struct {
	ID    string
	Looks []Look
	// NoLog disables its CloudWatch log. S3Log is the location of its log in S3, if not empty.
	NoLog bool
	S3Log string
	// PageSize is the number of events that GetLogEvents returns per call; 0 means all.
	PageSize int

	seen int
}

// ARN returns the ARN of the build.
func (b *Build) ARN() string { return "arn:aws:codebuild:" + Region + ":111122223333:build/" + b.ID }

// stream returns the name of its log stream.
func (b *Build) stream() string {
	_, id, _ := strings.Cut(b.ID, ":")
	return id
}

func (b *Build) look() Look { return b.Looks[max(0, min(b.seen, len(b.Looks))-1)] }

// Shape returns the build in the form of CodeBuild's API.
func (b *Build) Shape() map[string]any {
	look := b.look()
	project, _, _ := strings.Cut(b.ID, ":")
	shape := map[string]any{
		"id": b.ID, "arn": b.ARN(), "projectName": project, "buildStatus": look.status(), "startTime": began,
		"buildComplete": look.status() != "IN_PROGRESS", "phases": phases(look.Phases), "logs": b.logs(),
	}
	if look.status() != "IN_PROGRESS" {
		shape["endTime"] = began + 65
	}
	var variables []any
	for _, exported := range look.Exported {
		name, value, _ := strings.Cut(exported, "=")
		variables = append(variables, map[string]any{"name": name, "value": value})
	}
	shape["exportedEnvironmentVariables"] = variables
	return shape
}

func (l Look) status() string {
	if l.Status == "" {
		return "IN_PROGRESS"
	}
	return l.Status
}

func (b *Build) logs() map[string]any {
	logs := map[string]any{"cloudWatchLogs": map[string]any{"status": "ENABLED"}}
	if b.NoLog {
		logs["cloudWatchLogs"] = map[string]any{"status": "DISABLED"}
	} else if b.seen > 0 {
		logs["groupName"], logs["streamName"] = "/aws/codebuild/shop", b.stream()
	}
	if b.S3Log != "" {
		logs["s3Logs"] = map[string]any{"status": "ENABLED", "location": b.S3Log}
	}
	return logs
}

func phases(of []Phase) []any {
	var shapes []any
	start := began
	for _, phase := range of {
		shape := map[string]any{"phaseType": phase.Type, "startTime": start}
		if phase.Seconds > 0 {
			start += phase.Seconds
			shape["endTime"], shape["durationInSeconds"] = start, phase.Seconds
		}
		if phase.Status != "" {
			shape["phaseStatus"] = phase.Status
		}
		if phase.Code != "" {
			shape["contexts"] = []any{map[string]any{"statusCode": phase.Code, "message": phase.Message}}
		}
		shapes = append(shapes, shape)
	}
	return shapes
}

// CodeBuild returns the answers of CodeBuild and CloudWatch Logs for a project "shop". StartBuild starts the
// first of the builds; further builds are the builds of a batch.
func CodeBuild(builds ...*Build) map[string]Answer {
	byID, byStream := map[string]*Build{}, map[string]*Build{}
	for _, b := range builds {
		byID[b.ID], byStream[b.stream()] = b, b
	}
	return map[string]Answer{
		"BatchGetProjects": Gives(map[string]any{"projects": []any{map[string]any{"name": "shop"}}}),
		"StartBuild": func(map[string]any) (map[string]any, error) {
			return map[string]any{"build": builds[0].Shape()}, nil
		},
		"BatchGetBuilds": func(input map[string]any) (map[string]any, error) {
			var found []any
			for _, id := range input["ids"].([]any) {
				if b := byID[id.(string)]; b != nil {
					b.seen++
					found = append(found, b.Shape())
				}
			}
			return map[string]any{"builds": found}, nil
		},
		"GetLogEvents": func(input map[string]any) (map[string]any, error) {
			b := byStream[input["logStreamName"].(string)]
			if b == nil {
				return nil, Error{Code: "ResourceNotFoundException", Message: "The specified log stream does not exist."}
			}
			return b.events(input["nextToken"])
		},
	}
}

// events returns the events after the token, up to the last look that BatchGetBuilds returned.
func (b *Build) events(token any) (map[string]any, error) {
	var all []string
	for _, look := range b.Looks[:min(b.seen, len(b.Looks))] {
		all = append(all, look.Log...)
	}
	if len(all) == 0 {
		return nil, Error{Code: "ResourceNotFoundException", Message: "The specified log stream does not exist."}
	}
	from := 0
	if text, ok := token.(string); ok {
		number, err := strconv.Atoi(strings.TrimPrefix(text, "f/"))
		if err != nil {
			return nil, Error{Code: "InvalidParameterException", Message: "The specified nextToken is invalid."}
		}
		from = number
	}
	to := len(all)
	if b.PageSize > 0 {
		to = min(to, from+b.PageSize)
	}
	var events []any
	for _, message := range all[from:to] {
		events = append(events, map[string]any{"timestamp": began * 1000, "message": message})
	}
	return map[string]any{"events": events, "nextForwardToken": fmt.Sprintf("f/%d", to), "nextBackwardToken": "b/0"}, nil
}
