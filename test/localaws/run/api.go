//go:build linux

package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
)

const service = "CodeBuild_20161006."

// answer is the part of CodeBuild's answers that this package changes. Fields of a build that are not set by
// build.state stay as moto returned them.
type answer struct {
	Build  map[string]any   `json:"build,omitempty"`
	Builds []map[string]any `json:"builds,omitempty"`
}

// api forwards every call, runs the builds that StartBuild and StartBuildBatch start, and returns the real state of
// builds.
func (c *CodeBuild) api(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		switch operation, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), service); operation {
		case "StartBuild", "BatchGetBuilds":
			err = c.forward(ctx, next, operation, w, r)
		case "StopBuild":
			err = c.stopBuild(w, r)
		case "StartBuildBatch":
			err = c.startBatch(ctx, next, w, r)
		case "StopBuildBatch":
			err = c.stopBatch(w, r)
		default:
			next.ServeHTTP(w, r)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// forward forwards a call, and completes the answer.
func (c *CodeBuild) forward(ctx context.Context, next http.Handler, operation string, w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("run: %s: %w", operation, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	recorded := httptest.NewRecorder()
	next.ServeHTTP(recorded, r)
	content := recorded.Body.Bytes()
	if recorded.Code == http.StatusOK {
		if content, err = c.complete(ctx, operation, body, content); err != nil {
			return err
		}
	}
	header := recorded.Header()
	header.Del("Content-Length")
	maps.Copy(w.Header(), header)
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(content)
	return nil
}

// stopBuild answers StopBuild. It does nothing to a build that has ended.
func (c *CodeBuild) stopBuild(w http.ResponseWriter, r *http.Request) error {
	var input struct{ ID string }
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		return fmt.Errorf("run: StopBuild: %w", err)
	}
	c.mutex.Lock()
	b, ok := c.builds[input.ID]
	c.mutex.Unlock()
	if !ok {
		return refuse(w, "ResourceNotFoundException", "no such build")
	}
	b.stop(errStopped)
	return json.NewEncoder(w).Encode(object{"build": object{}})
}

func (c *CodeBuild) complete(ctx context.Context, operation string, body, content []byte) ([]byte, error) {
	var got answer
	if err := json.Unmarshal(content, &got); err != nil {
		return nil, fmt.Errorf("run: parse the answer to %s: %w", operation, err)
	}
	if operation == "StartBuild" {
		if _, err := c.begin(ctx, got, body, membership{}); err != nil {
			return nil, err
		}
	}
	for _, build := range append(got.Builds, got.Build) {
		c.addState(build)
	}
	return json.Marshal(got)
}

// addState adds the state of a build to an answer.
func (c *CodeBuild) addState(answered map[string]any) {
	id, _ := answered["id"].(string)
	c.mutex.Lock()
	b, ok := c.builds[id]
	c.mutex.Unlock()
	if ok {
		maps.Copy(answered, b.state())
	}
}
