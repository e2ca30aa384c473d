package function

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/internal/deployment"
)

const (
	image   = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop"
	digest  = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	buildID = "shop:11111111-2222-3333-4444-555555555555"
)

// world is the AWS of a test: one project, its images and its ticket.
type world struct {
	testing.TB
	aws *awsfake.Server
	// images are the digests by tag, and ticket is the parameter, empty if there is none.
	images map[string]string
	ticket string
	// build is the state of the build.
	build map[string]any
	// operations are what AWS answers, and called are the operations in their order, those of AWS Lambda in short.
	operations map[string]awsfake.Answer
	called     []string
	// refused are errors of operations.
	refused map[string]awsfake.Error
	// failures is how often the response URL fails, and answers are what it accepted.
	failures int
	answers  []deployment.Answer
	url      string
	logged   strings.Builder
	function *Function
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, images: map[string]string{}, refused: map[string]awsfake.Error{}, operations: map[string]awsfake.Answer{}, build: map[string]any{"id": buildID, "buildStatus": "SUCCEEDED"}}
	operations := map[string]awsfake.Answer{
		"DescribeImages": w.describeImages,
		"GetParameter":   w.getParameter,
		"PutParameter": func(input map[string]any) (map[string]any, error) {
			w.ticket = input["Value"].(string)
			return map[string]any{}, nil
		},
		"DeleteParameter": w.deleteParameter,
		"StartBuild":      awsfake.Gives(map[string]any{"build": map[string]any{"id": buildID}}),
		"StartBuildBatch": awsfake.Gives(map[string]any{"buildBatch": map[string]any{"id": "shop:batch"}}),
		"StopBuild":       awsfake.Gives(map[string]any{}),
		"StopBuildBatch":  awsfake.Gives(map[string]any{}),
		"BatchGetBuilds": func(map[string]any) (map[string]any, error) {
			return map[string]any{"builds": []any{w.build}}, nil
		},
	}
	for name, answer := range operations {
		w.answer(name, answer)
	}
	w.aws = awsfake.Serve(t, w.operations)
	answers := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(answers.Close)
	w.url = answers.URL + "/?X-Amz-Signature=secret"
	w.function = New(w.aws.Config(), deployment.Sender{FirstWait: time.Millisecond}, log.New(&w.logged, "", 0))
	t.Cleanup(func() { assert.NotContains(t, w.logged.String(), "X-Amz-Signature", "the response URL is a secret") })
	return w
}

// answer adds an operation, which is noted and may be refused.
func (w *world) answer(name string, answer awsfake.Answer) {
	w.operations[name] = func(input map[string]any) (map[string]any, error) {
		w.called = append(w.called, short(name))
		if err, refused := w.refused[short(name)]; refused {
			return nil, err
		}
		return answer(input)
	}
}

func (w *world) receive(answer http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if w.failures > 0 {
		w.failures--
		answer.WriteHeader(http.StatusInternalServerError)
		return
	}
	var a deployment.Answer
	assert.NoError(w, json.Unmarshal(body, &a))
	w.answers = append(w.answers, a)
}

func (w *world) describeImages(input map[string]any) (map[string]any, error) {
	assert.Equal(w, "111122223333", input["registryId"])
	assert.Equal(w, "team/shop", input["repositoryName"])
	tag := input["imageIds"].([]any)[0].(map[string]any)["imageTag"].(string)
	if w.images[tag] == "" {
		return nil, awsfake.Error{Code: "ImageNotFoundException", Message: "no " + tag}
	}
	return map[string]any{"imageDetails": []any{map[string]any{"imageDigest": w.images[tag]}}}, nil
}

func (w *world) getParameter(input map[string]any) (map[string]any, error) {
	assert.Equal(w, "/layercache/ticket/shop", input["Name"])
	if w.ticket == "" {
		return nil, awsfake.Error{Code: "ParameterNotFound", Message: "none"}
	}
	return map[string]any{"Parameter": map[string]any{"Value": w.ticket}}, nil
}

func (w *world) deleteParameter(map[string]any) (map[string]any, error) {
	if w.ticket == "" {
		return nil, awsfake.Error{Code: "ParameterNotFound", Message: "none"}
	}
	w.ticket = ""
	return map[string]any{}, nil
}

// request sends a request of CloudFormation; changes replace properties.
func (w *world) request(kind, id string, changes map[string]any) error {
	properties := map[string]any{
		"ServiceToken": "arn", "Project": "shop", "Image": image, "Tags": "latest,v1", "QueuedTimeoutInMinutes": "10", "TimeoutInMinutes": "45",
		"Inputs": map[string]any{"LAYERCACHE_TARGET": "release"},
	}
	for name, value := range changes {
		properties[name] = value
	}
	event, err := json.Marshal(map[string]any{
		"RequestType": kind, "RequestId": id, "ResponseURL": w.url, "StackId": "stack", "LogicalResourceId": "Deploy", "PhysicalResourceId": "shop",
		"ResourceProperties": properties, "OldResourceProperties": map[string]any{"Project": "another"},
	})
	require.NoError(w, err)
	return w.function.Handle(w.Context(), event)
}

// ends sends the event of the build's end.
func (w *world) ends(status string) error {
	w.build["buildStatus"] = status
	return w.function.Handle(w.Context(), []byte(`{"detail-type":"CodeBuild Build State Change","detail":{"build-id":"arn:aws:codebuild:eu-west-1:111122223333:build/`+buildID+`","project-name":"shop","build-status":"`+status+`"}}`))
}

// tag returns the tag that the build was started with.
func (w *world) tag() string {
	started := w.aws.Calls("StartBuild")
	require.NotEmpty(w, started)
	tags := strings.Split(overrides(w, started[len(started)-1])["LAYERCACHE_TAGS"], ",")
	return tags[len(tags)-1]
}

func overrides(t require.TestingT, call map[string]any) map[string]string {
	values := map[string]string{}
	for _, entry := range call["environmentVariablesOverride"].([]any) {
		variable := entry.(map[string]any)
		values[variable["name"].(string)] = variable["value"].(string)
		if variable["name"] == "LAYERCACHE_TICKET" {
			require.Equal(t, "PARAMETER_STORE", variable["type"], "a plain text variable is shown in the console")
		}
	}
	return values
}

func TestARequestStartsABuildAndLeavesTheAnswerToIt(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.request("Create", "r1", map[string]any{"SourceVersion": "abc"}))
	assert.Empty(t, w.answers)
	started := w.aws.Calls("StartBuild")
	require.Len(t, started, 1)
	assert.Equal(t, "shop", started[0]["projectName"])
	assert.Equal(t, "r1", started[0]["idempotencyToken"])
	assert.Equal(t, "abc", started[0]["sourceVersion"])
	assert.EqualValues(t, 10, started[0]["queuedTimeoutInMinutesOverride"])
	assert.EqualValues(t, 45, started[0]["timeoutInMinutesOverride"])
	assert.Equal(t, map[string]string{"LAYERCACHE_TAGS": "latest,v1," + w.tag(), "LAYERCACHE_TICKET": "/layercache/ticket/shop"}, overrides(t, started[0]))
	assert.Regexp(t, `^deploy-[0-9a-f]{32}$`, w.tag())
	puts := w.aws.Calls("PutParameter")
	assert.Equal(t, "SecureString", puts[0]["Type"])
	kept, err := deployment.Parse(w.ticket)
	require.NoError(t, err)
	assert.Equal(t, deployment.Ticket{
		URL: w.url, StackID: "stack", RequestID: "r1", LogicalID: "Deploy", PhysicalID: "shop", Image: image, Tag: w.tag(), Build: buildID,
	}, *kept)
}

// docs/evidence/decisions.md has these numbers. A build that is started by hand needs StartBuild alone.
func TestADeploymentCallsAWSThreeTimesBeforeItsBuildAndOnceAfterIt(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.request("Create", "r1", nil))
	assert.Equal(t, []string{"GetParameter", "DescribeImages", "PutParameter", "StartBuild", "PutParameter"}, w.called,
		"the last call notes the id of the build, while it runs already")

	kept, err := deployment.Parse(w.ticket)
	require.NoError(t, err)
	w.called = nil
	require.NoError(t, deployment.Sender{}.Send(t.Context(), *kept, kept.Succeeded(digest, "cache used")))
	assert.Len(t, w.answers, 1)
	assert.Empty(t, w.called, "the build sends its answer to the response URL and calls nothing else")
}

// BenchmarkADeployment measures the time of the function and of the answer, without that of AWS: a request that
// starts a build, and the answer of the build.
func BenchmarkADeployment(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		w.ticket = ""
		require.NoError(b, w.request("Create", "r1", nil))
		kept, err := deployment.Parse(w.ticket)
		require.NoError(b, err)
		require.NoError(b, deployment.Sender{}.Send(b.Context(), *kept, kept.Succeeded(digest, "cache used")))
	}
}

func TestARequestWhoseImageExistsBuildsNothing(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.request("Create", "r1", nil))
	w.images[w.tag()] = digest
	require.NoError(t, w.ends("SUCCEEDED"))
	w.answers = nil
	require.NoError(t, w.request("Update", "r2", nil))
	require.Len(t, w.answers, 1)
	assert.Equal(t, "SUCCESS", w.answers[0].Status)
	assert.Equal(t, digest, w.answers[0].Data["ImageDigest"])
	assert.Equal(t, "no build: an earlier deployment built this image", w.answers[0].Reason)
	assert.Len(t, w.aws.Calls("StartBuild"), 1)
}

func TestEachInputChangesTheTag(t *testing.T) {
	tags := map[string]string{}
	for name, changes := range map[string]map[string]any{
		"nothing": {}, "the project": {"Project": "shop2"}, "the tags": {"Tags": "v2"}, "the version": {"SourceVersion": "abc"},
		"the repository": {"Image": image + "2"}, "an input": {"Inputs": map[string]any{"LAYERCACHE_TARGET": "test"}},
		"no input": {"Inputs": map[string]any{}}, "another name": {"Inputs": map[string]any{"LAYERCACHE_CONTEXT": "release"}},
	} {
		properties := Properties{Project: "shop", Image: image, Tags: "latest", Inputs: map[string]string{"LAYERCACHE_TARGET": "release"}}
		text, err := json.Marshal(changes)
		require.NoError(t, err)
		if changes["Inputs"] != nil {
			properties.Inputs = nil
		}
		require.NoError(t, json.Unmarshal(text, &properties))
		tag := properties.tag()
		assert.Empty(t, tags[tag], "%s has the tag of %s", name, tags[tag])
		tags[tag] = name
	}
	same := Properties{Project: "shop", Image: image, Tags: "latest", Inputs: map[string]string{"LAYERCACHE_TARGET": "release"}, TimeoutInMinutes: "9", QueuedTimeoutInMinutes: "8"}
	assert.Equal(t, "nothing", tags[same.tag()], "what does not change the image does not change the tag")
}

func TestARepeatedRequestStopsNoBuild(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.request("Create", "r1", nil))
	require.NoError(t, w.request("Create", "r1", nil), "AWS Lambda repeats events")
	assert.Empty(t, w.aws.Calls("StopBuild"))
	started := w.aws.Calls("StartBuild")
	require.Len(t, started, 2)
	assert.Equal(t, started[0], started[1], "CodeBuild starts no second build for the same token")
}

func TestWhatEndsADeploymentStopsItsBuild(t *testing.T) {
	for _, c := range []struct{ name, kind string }{{"a rollback", "Update"}, {"a deletion", "Delete"}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.request("Update", "r1", nil))
			require.NoError(t, w.request(c.kind, "r2", map[string]any{"Tags": "before"}))
			stopped := w.aws.Calls("StopBuild")
			require.Len(t, stopped, 1)
			assert.Equal(t, buildID, stopped[0]["id"])
			if c.kind == "Delete" {
				require.Len(t, w.answers, 1)
				assert.Equal(t, "SUCCESS", w.answers[0].Status)
				assert.Equal(t, "shop", w.answers[0].PhysicalResourceId)
				assert.Empty(t, w.ticket)
				assert.Len(t, w.aws.Calls("StartBuild"), 1)
			}
		})
	}
}

func TestADeletionIsNeverRefused(t *testing.T) {
	denied := awsfake.Error{Code: "AccessDeniedException", Message: "not allowed"}
	for _, operation := range []string{"GetParameter", "StopBuild", "DeleteParameter"} {
		w := newWorld(t)
		require.NoError(t, w.request("Create", "r1", nil))
		w.refused[operation] = denied
		require.NoError(t, w.request("Delete", "r2", nil))
		require.Len(t, w.answers, 1, operation)
		assert.Equal(t, "SUCCESS", w.answers[0].Status)
		assert.Contains(t, w.logged.String(), "not allowed")
	}
}

func TestAResourceThatCouldNotBeMadeIsDeleted(t *testing.T) {
	w := newWorld(t)
	wrong := map[string]any{"Image": ""}
	require.NoError(t, w.request("Create", "r1", wrong))
	require.NoError(t, w.request("Delete", "r2", wrong))
	require.Len(t, w.answers, 2)
	assert.Equal(t, "FAILED", w.answers[0].Status)
	assert.Equal(t, "SUCCESS", w.answers[1].Status, "else the stack could not be rolled back")
}

func TestARequestThatFailsIsAnswered(t *testing.T) {
	denied := awsfake.Error{Code: "AccessDeniedException", Message: "not allowed"}
	for _, c := range []struct {
		name, operation string
		changes         map[string]any
		want            string
	}{
		{"the image cannot be looked for", "DescribeImages", nil, "look for the image " + image},
		{"the ticket cannot be kept", "PutParameter", nil, "keep the ticket"},
		{"the build cannot start", "StartBuild", nil, "start a build of project shop"},
		{"the batch cannot start", "StartBuildBatch", map[string]any{"Batch": "true"}, "start the builds of project shop"},
		{"the earlier ticket cannot be read", "GetParameter", nil, "read the ticket"},
		{"a property is missing", "", map[string]any{"Tags": ""}, "the resource has no property Tags"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.refused[c.operation] = denied
			require.NoError(t, w.request("Create", "r1", c.changes))
			require.Len(t, w.answers, 1)
			assert.Equal(t, "FAILED", w.answers[0].Status)
			assert.Contains(t, w.answers[0].Reason, c.want)
			assert.Empty(t, w.ticket, "no ticket stays")
		})
	}
}

func TestTheEndOfABuildIsAnsweredAndItsTicketRemoved(t *testing.T) {
	for _, c := range []struct {
		name, status string
		build        map[string]any
		pushed       bool
		want, reason string
	}{
		{"a build that pushed its image", "SUCCEEDED", map[string]any{
			"exportedEnvironmentVariables": []any{map[string]any{"name": "LAYERCACHE_VERDICT", "value": "partly-used"}},
		}, true, "SUCCESS", "cache partly used"},
		{"a build that exports no verdict", "SUCCEEDED", nil, true, "SUCCESS", "the image was built"},
		{"a build that pushed nothing", "SUCCEEDED", nil, false, "FAILED", "pushed no image " + image + ":deploy-"},
		{"a build that fails before the helper runs", "FAILED", map[string]any{
			"phases": []any{map[string]any{"phaseType": "DOWNLOAD_SOURCE", "contexts": []any{map[string]any{"statusCode": "CLIENT_ERROR", "message": "no such key"}}}},
			"logs":   map[string]any{"deepLink": "https://console/log"},
		}, false, "FAILED", "build " + buildID + " failed\nDOWNLOAD_SOURCE: no such key\nhttps://console/log"},
		{"a build that was stopped", "STOPPED", nil, false, "FAILED", "build " + buildID + " was stopped"},
		{"a build that timed out", "TIMED_OUT", nil, false, "FAILED", "build " + buildID + " timed out"},
		{"a build that no machine took in time", "TIMED_OUT", map[string]any{
			"phases": []any{map[string]any{"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED"}, map[string]any{"phaseType": "QUEUED", "phaseStatus": "TIMED_OUT"}},
		}, false, "FAILED", "build " + buildID + " timed out\nQUEUED: timed out"},
		{"an error of CodeBuild", "FAULT", nil, false, "FAILED", "build " + buildID + " ended with an internal error of CodeBuild"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.request("Create", "r1", nil))
			if c.pushed {
				w.images[w.tag()] = digest
			}
			for key, value := range c.build {
				w.build[key] = value
			}
			w.failures = 2
			require.NoError(t, w.ends(c.status))
			require.Len(t, w.answers, 1)
			assert.Equal(t, c.want, w.answers[0].Status)
			assert.Contains(t, w.answers[0].Reason, c.reason)
			assert.Equal(t, "r1", w.answers[0].RequestId)
			assert.Empty(t, w.ticket)

			require.NoError(t, w.ends(c.status), "a repeated event")
			assert.Len(t, w.answers, 1)
		})
	}
}

func TestTheEndOfABuildThatNoDeploymentWaitsForIsIgnored(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.ends("FAILED"), "a build that a person started, before any deployment")
	require.NoError(t, w.request("Create", "r1", nil))
	kept := w.ticket
	w.build["id"], kept = "shop:another", strings.ReplaceAll(kept, buildID, "shop:deployed")
	w.ticket = kept
	require.NoError(t, w.ends("FAILED"), "a build that a person started during a deployment")
	assert.Empty(t, w.answers)
	assert.Equal(t, kept, w.ticket)
}

func TestABuildThatEndsBeforeItsIDIsNotedIsLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.request("Create", "r1", nil))
	noted := w.ticket
	w.ticket = strings.ReplaceAll(noted, buildID, "")
	require.Error(t, w.ends("FAILED"), "AWS Lambda repeats the event")
	w.ticket = noted
	require.NoError(t, w.ends("FAILED"))
	assert.Len(t, w.answers, 1)
}

func TestABatchIsAnsweredForTheIndexOrTheFirstFailure(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.request("Create", "r1", map[string]any{"Batch": "true"}))
	require.Len(t, w.aws.Calls("StartBuildBatch"), 1)
	assert.EqualValues(t, 10, w.aws.Calls("StartBuildBatch")[0]["queuedTimeoutInMinutesOverride"])
	assert.EqualValues(t, 45, w.aws.Calls("StartBuildBatch")[0]["buildTimeoutInMinutesOverride"])
	w.build["buildBatchArn"] = "arn:aws:codebuild:eu-west-1:111122223333:build-batch/shop:batch"
	require.NoError(t, w.ends("SUCCEEDED"))
	assert.Empty(t, w.answers, "the build of one platform")
	require.NoError(t, w.ends("FAILED"))
	require.NoError(t, w.ends("STOPPED"), "the other builds of the batch")
	require.Len(t, w.answers, 1)
	assert.Contains(t, w.answers[0].Reason, "failed")

	w.answers = nil
	require.NoError(t, w.request("Update", "r2", map[string]any{"Batch": "true"}))
	tags := strings.Split(overrides(t, w.aws.Calls("StartBuildBatch")[1])["LAYERCACHE_TAGS"], ",")
	w.images[tags[len(tags)-1]] = digest
	require.NoError(t, w.ends("SUCCEEDED"))
	require.Len(t, w.answers, 1)
	assert.Equal(t, digest, w.answers[0].Data["ImageDigest"])

	require.NoError(t, w.request("Update", "r3", map[string]any{"Batch": "true", "Tags": "v3"}))
	require.NoError(t, w.request("Delete", "r4", map[string]any{"Batch": "true"}))
	assert.Len(t, w.aws.Calls("StopBuildBatch"), 1)
}

// The images of a stack, and those of other stacks with the same repository, have projects of their own.
func TestEachImageIsAnsweredByItsOwnBuild(t *testing.T) {
	parameters, answers := map[string]string{}, map[string]deployment.Answer{}
	missing := awsfake.Error{Code: "ParameterNotFound", Message: "none"}
	fake := awsfake.Serve(t, map[string]awsfake.Answer{
		"DescribeImages": awsfake.Fails(awsfake.Error{Code: "ImageNotFoundException", Message: "none"}),
		"GetParameter": func(input map[string]any) (map[string]any, error) {
			if value, ok := parameters[input["Name"].(string)]; ok {
				return map[string]any{"Parameter": map[string]any{"Value": value}}, nil
			}
			return nil, missing
		},
		"PutParameter": func(input map[string]any) (map[string]any, error) {
			parameters[input["Name"].(string)] = input["Value"].(string)
			return map[string]any{}, nil
		},
		"DeleteParameter": func(input map[string]any) (map[string]any, error) {
			delete(parameters, input["Name"].(string))
			return map[string]any{}, nil
		},
		"StartBuild": func(input map[string]any) (map[string]any, error) {
			return map[string]any{"build": map[string]any{"id": input["projectName"].(string) + ":1"}}, nil
		},
		"BatchGetBuilds": func(input map[string]any) (map[string]any, error) {
			return map[string]any{"builds": []any{map[string]any{"id": input["ids"].([]any)[0], "buildStatus": "FAILED"}}}, nil
		},
	})
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var a deployment.Answer
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&a))
		answers[r.URL.Path] = a
	}))
	t.Cleanup(receiver.Close)
	function := New(fake.Config(), deployment.Sender{}, log.New(io.Discard, "", 0))
	handle := func(event string, values ...any) {
		require.NoError(t, function.Handle(t.Context(), fmt.Appendf(nil, event, values...)))
	}
	for _, project := range []string{"shop", "web"} {
		handle(`{"RequestType":"Create","RequestId":%[1]q,"ResponseURL":"%[2]s/%[1]s","StackId":"stack","LogicalResourceId":%[1]q,
			"ResourceProperties":{"Project":%[1]q,"Image":"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team","Tags":"latest"}}`, project, receiver.URL)
	}
	require.Len(t, parameters, 2)
	assert.NotEqual(t, Properties{Project: "shop"}.tag(), Properties{Project: "web"}.tag(), "they may share a repository")

	const ends = `{"detail-type":"CodeBuild Build State Change","detail":{"build-id":"arn:aws:codebuild:eu-west-1:111122223333:build/%[1]s:1","project-name":%[1]q,"build-status":"FAILED"}}`
	handle(ends, "web")
	require.Len(t, answers, 1, "the other build goes on")
	assert.Equal(t, "web", answers["/web"].LogicalResourceId)
	assert.Contains(t, parameters, "/layercache/ticket/shop")
	handle(ends, "shop")
	assert.Equal(t, "shop", answers["/shop"].LogicalResourceId)
	assert.Empty(t, parameters)
}

func TestABuildThatHasEndedNeedNotBeStopped(t *testing.T) {
	for _, code := range []string{"InvalidInputException", "ResourceNotFoundException"} {
		w := newWorld(t)
		require.NoError(t, w.request("Create", "r1", nil))
		w.refused["StopBuild"] = awsfake.Error{Code: code, Message: "ended"}
		require.NoError(t, w.request("Update", "r2", map[string]any{"Tags": "v2"}))
		assert.Empty(t, w.answers)
		assert.Len(t, w.aws.Calls("StartBuild"), 2)
	}
}

func TestAnEventOfAnotherKindIsAnErrorThatShowsNothingOfIt(t *testing.T) {
	w := newWorld(t)
	for _, event := range []string{`{}`, `[]`, `{"RequestType":"Create","ResourceProperties":"secret"}`, `{"detail-type":"secret"}`, `"secret"`} {
		err := w.function.Handle(t.Context(), []byte(event))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "secret")
	}
}
