//go:build linux

package run

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/layercache/layercache/test/localaws/agent"
)

// batch is a batch of builds that was started.
type batch struct {
	id, arn string
	// stop stops its builds, and starts no more.
	stop context.CancelCauseFunc
}

// membership is the place of a build in a batch. The zero value is a build of its own.
type membership struct {
	// batch is the ARN of the batch, and identifier is that of the build in the build graph.
	batch, identifier string
}

// caller calls operations of moto as the caller of another operation.
type caller struct {
	next http.Handler
	as   *http.Request
}

func (c caller) call(ctx context.Context, operation string, input, output any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return err
	}
	r := c.as.Clone(ctx)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("X-Amz-Target", service+operation)
	recorded := httptest.NewRecorder()
	c.next.ServeHTTP(recorded, r)
	if recorded.Code != http.StatusOK {
		return fmt.Errorf("run: %s: %s", operation, recorded.Body)
	}
	return json.Unmarshal(recorded.Body.Bytes(), output)
}

// startBatch answers StartBuildBatch, which moto does not have. A build of the build graph starts when those that
// it depends on have succeeded. With fast-fail, which the buildspec of the project sets, the first failure stops the
// others.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build.html
func (c *CodeBuild) startBatch(ctx context.Context, next http.Handler, w http.ResponseWriter, r *http.Request) error {
	input := object{}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		return fmt.Errorf("run: StartBuildBatch: %w", err)
	}
	moto := caller{next, r}
	var found struct {
		Projects []struct {
			ARN    string `json:"arn"`
			Source struct{ Buildspec string }
		}
	}
	if err := moto.call(ctx, "BatchGetProjects", object{"names": []any{input["projectName"]}}, &found); err != nil {
		return err
	}
	if len(found.Projects) != 1 {
		return fmt.Errorf("run: StartBuildBatch: there is no project %v", input["projectName"])
	}
	graph, err := agent.Graph(found.Projects[0].Source.Buildspec)
	if err != nil || len(graph) == 0 {
		return cmp.Or(err, errors.New("run: StartBuildBatch: the buildspec has no batch"))
	}
	if timeout, ok := input["buildTimeoutInMinutesOverride"]; ok {
		input["timeoutInMinutesOverride"] = timeout
		delete(input, "buildTimeoutInMinutesOverride")
	}
	b := &batch{id: fmt.Sprintf("%v:%s", input["projectName"], rand.Text())}
	b.arn = strings.Replace(found.Projects[0].ARN, ":project/"+fmt.Sprint(input["projectName"]), ":build-batch/"+b.id, 1)
	ctx, b.stop = context.WithCancelCause(ctx)
	c.mutex.Lock()
	c.batches[b.id] = b
	c.mutex.Unlock()
	c.running.Go(func() { c.runBatch(ctx, b, graph, moto, input) })
	return json.NewEncoder(w).Encode(object{"buildBatch": object{"id": b.id, "arn": b.arn}})
}

// runBatch runs the builds of a batch. start is the input of StartBuild for each of them.
func (c *CodeBuild) runBatch(ctx context.Context, b *batch, graph []agent.GraphBuild, moto caller, start object) {
	defer b.stop(nil)
	succeeded := map[string]chan struct{}{}
	for _, member := range graph {
		succeeded[member.Identifier] = make(chan struct{})
	}
	var members sync.WaitGroup
	for _, member := range graph {
		members.Go(func() {
			for _, other := range member.DependsOn {
				select {
				case <-succeeded[other]:
				case <-ctx.Done():
					return
				}
			}
			if ctx.Err() != nil || !c.runMember(ctx, b, member.Identifier, moto, start) {
				b.stop(errStopped)
				return
			}
			close(succeeded[member.Identifier])
		})
	}
	members.Wait()
}

// runMember runs a build of a batch to its end, and reports whether it succeeded.
func (c *CodeBuild) runMember(ctx context.Context, of *batch, identifier string, moto caller, start object) bool {
	var started answer
	if err := moto.call(ctx, "StartBuild", start, &started); err != nil {
		return false
	}
	call, err := json.Marshal(start)
	if err != nil {
		return false
	}
	b, err := c.begin(ctx, started, call, membership{batch: of.arn, identifier: identifier})
	if err != nil {
		return false
	}
	<-b.done
	return b.err == nil && b.result.Status == agent.Succeeded
}

// stopBatch answers StopBuildBatch.
func (c *CodeBuild) stopBatch(w http.ResponseWriter, r *http.Request) error {
	var input struct{ ID string }
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		return fmt.Errorf("run: StopBuildBatch: %w", err)
	}
	c.mutex.Lock()
	b, ok := c.batches[input.ID]
	c.mutex.Unlock()
	if !ok {
		return refuse(w, "ResourceNotFoundException", "no such batch")
	}
	b.stop(errStopped)
	return json.NewEncoder(w).Encode(object{"buildBatch": object{}})
}

// refuse answers with an error of the API.
func refuse(w http.ResponseWriter, code, message string) error {
	w.WriteHeader(http.StatusBadRequest)
	return json.NewEncoder(w).Encode(object{"__type": code, "message": message})
}
