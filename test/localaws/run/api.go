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

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
)

const service = "CodeBuild_20161006."

// answer is the part of CodeBuild's answers that this package changes. Fields of a build that are not set by
// build.state stay as moto returned them.
type answer struct {
	Build  map[string]any   `json:"build,omitempty"`
	Builds []map[string]any `json:"builds,omitempty"`
}

// api forwards every call, runs the builds that StartBuild starts, and returns the real state of builds.
func (c *CodeBuild) api(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), service)
		if operation != "StartBuild" && operation != "BatchGetBuilds" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		content := recorded.Body.Bytes()
		if recorded.Code == http.StatusOK {
			content, err = c.complete(ctx, operation, body, content)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		header := recorded.Header()
		header.Del("Content-Length")
		maps.Copy(w.Header(), header)
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(content)
	})
}

func (c *CodeBuild) complete(ctx context.Context, operation string, body, content []byte) ([]byte, error) {
	var got answer
	if err := json.Unmarshal(content, &got); err != nil {
		return nil, fmt.Errorf("run: parse the answer to %s: %w", operation, err)
	}
	if operation == "StartBuild" {
		var input codebuild.StartBuildInput
		if err := json.Unmarshal(body, &input); err != nil {
			return nil, fmt.Errorf("run: StartBuild: %w", err)
		}
		id, _ := got.Build["id"].(string)
		arn, _ := got.Build["arn"].(string)
		if err := c.begin(ctx, id, arn, input); err != nil {
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
