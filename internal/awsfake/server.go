// Package awsfake answers calls of the AWS SDK over HTTP with scripted answers, in the protocol of CodeBuild,
// CloudWatch Logs, ECR and ECS, and in that of Lambda, whose operations are a method and a path. It simulates what
// moto does not: builds that take time and fail, growing logs and denied calls.
//
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html and
// https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
package awsfake

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Region is the region of the fake.
const Region = "eu-west-1"

// Answer returns the output of an operation for an input.
type Answer func(input map[string]any) (map[string]any, error)

// Error is an error of an AWS service.
type Error struct {
	// Status is the HTTP status; 0 means 400.
	Status int
	// Code is the error's name, such as AccessDeniedException.
	Code string
	// Message is the text of the error.
	Message string
}

func (e Error) Error() string { return e.Code + ": " + e.Message }

// Denied returns an Answer that denies the action.
func Denied(action string) Answer {
	return Fails(Error{Code: "AccessDeniedException", Message: "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: " + action})
}

// Fails returns an Answer that always returns the error.
func Fails(err Error) Answer {
	return func(map[string]any) (map[string]any, error) { return nil, err }
}

// Gives returns an Answer that always returns the output.
func Gives(output map[string]any) Answer {
	return func(map[string]any) (map[string]any, error) { return output, nil }
}

// Call is a call that the server received.
type Call struct {
	Operation string
	Input     map[string]any
}

// Server answers the operations for which it has an Answer.
type Server struct {
	// URL is the value for AWS_ENDPOINT_URL.
	URL string

	mutex   sync.Mutex
	answers map[string]Answer
	calls   []Call
}

// Serve starts a server that runs until the test ends.
func Serve(t testing.TB, answers map[string]Answer) *Server {
	t.Helper()
	s := &Server{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Calls returns the inputs of all calls of an operation so far.
func (s *Server) Calls(operation string) []map[string]any {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var inputs []map[string]any
	for _, call := range s.calls {
		if call.Operation == operation {
			inputs = append(inputs, call.Input)
		}
	}
	return inputs
}

// Config returns an SDK configuration for the server. It retries without waiting.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}
}

// ServeHTTP answers one call at a time, so scripts need no locks.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, operation, named := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !named {
		operation = r.Method + " " + r.URL.RequestURI()
	}
	var input map[string]any
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.calls = append(s.calls, Call{operation, input})
	output, err := map[string]any(nil), error(Error{Code: "UnknownOperationException", Message: operation})
	if answer, ok := s.answers[operation]; ok {
		output, err = answer(input)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		var known Error
		if !errors.As(err, &known) {
			known = Error{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
		}
		if known.Status == 0 {
			known.Status = http.StatusBadRequest
		}
		w.WriteHeader(known.Status)
		output = map[string]any{"__type": known.Code, "message": known.Message}
	}
	_ = json.NewEncoder(w).Encode(output)
}
