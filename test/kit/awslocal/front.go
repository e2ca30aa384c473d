package awslocal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
)

// kept stores the parts of calls that moto's CodeBuild loses.
type kept struct {
	mutex sync.Mutex
	// secondary holds the secondary sources of projects by name, from the calls of CreateProject.
	secondary map[string]json.RawMessage
	started   []codebuild.StartBuildInput
}

// Started returns the calls of StartBuild so far with their overrides, which moto does not store.
func (s *Server) Started() []codebuild.StartBuildInput {
	s.kept.mutex.Lock()
	defer s.kept.mutex.Unlock()
	return slices.Clone(s.kept.started)
}

const codeBuild = "CodeBuild_20161006."

// proxy forwards calls to moto. It stores calls of CodeBuild, and corrects moto's answers to them.
func (k *kept) proxy(moto *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(moto)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(answer *http.Response) error {
			if !strings.HasPrefix(answer.Request.Header.Get("X-Amz-Target"), codeBuild) {
				return nil
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			body = k.withSecondarySources(withNumericTimes(body))
			answer.Body = io.NopCloser(bytes.NewReader(body))
			answer.ContentLength = int64(len(body))
			answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), codeBuild); ok {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			k.keep(operation, body)
		}
		proxy.ServeHTTP(w, r)
	})
}

// keep stores the parts of a call that moto loses. moto itself rejects invalid calls.
func (k *kept) keep(operation string, body []byte) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	switch operation {
	case "CreateProject":
		var project struct {
			Name             string          `json:"name"`
			SecondarySources json.RawMessage `json:"secondarySources"`
		}
		if json.Unmarshal(body, &project) == nil && project.SecondarySources != nil {
			if k.secondary == nil {
				k.secondary = map[string]json.RawMessage{}
			}
			k.secondary[project.Name] = project.SecondarySources
		}
	case "StartBuild":
		var start codebuild.StartBuildInput
		if json.Unmarshal(body, &start) == nil {
			k.started = append(k.started, start)
		}
	}
}

// withSecondarySources adds the secondary sources to an answer with projects.
func (k *kept) withSecondarySources(body []byte) []byte {
	var answer struct {
		Projects []json.RawMessage `json:"projects"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return body
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for i, text := range answer.Projects {
		var project map[string]any
		if json.Unmarshal(text, &project) != nil {
			return body
		}
		name, _ := project["name"].(string)
		if sources, ok := k.secondary[name]; ok {
			project["secondarySources"] = sources
		}
		if text, err := json.Marshal(project); err == nil {
			answer.Projects[i] = text
		}
	}
	if len(answer.Projects) == 0 {
		return body
	}
	if full, err := json.Marshal(answer); err == nil {
		return full
	}
	return body
}

// timePattern matches a time of a build as moto writes it. CodeBuild writes numbers, and the SDK for Go
// accepts only numbers.
var timePattern = regexp.MustCompile(`("(?:start|end)Time": )"([^"]+)"`)

func withNumericTimes(body []byte) []byte {
	return timePattern.ReplaceAllFunc(body, func(match []byte) []byte {
		parts := timePattern.FindSubmatch(match)
		at, err := time.Parse(time.RFC3339, string(parts[2]))
		if err != nil {
			return match
		}
		return fmt.Appendf(slices.Clone(parts[1]), "%d", at.Unix())
	})
}
