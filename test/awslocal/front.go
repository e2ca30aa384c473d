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

// kept is what moto's CodeBuild forgets of the calls that it is given.
type kept struct {
	mutex sync.Mutex
	// secondary are the secondary sources of projects by name, as CreateProject was given them.
	secondary map[string]json.RawMessage
	started   []codebuild.StartBuildInput
}

// Started are the calls of StartBuild so far, with their overrides, of which moto keeps none.
func (s *Server) Started() []codebuild.StartBuildInput {
	s.kept.mutex.Lock()
	defer s.kept.mutex.Unlock()
	return slices.Clone(s.kept.started)
}

const codeBuild = "CodeBuild_20161006."

// proxy passes calls on to moto. Calls of CodeBuild it reads, and puts right what moto answers them.
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

// keep notes what a call says. moto judges whether it is well formed.
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

// withSecondarySources puts the projects' secondary sources into an answer that lists projects.
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

// timePattern is a time as moto writes it in CodeBuild's builds. CodeBuild writes numbers, and the SDK for Go insists on them.
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
