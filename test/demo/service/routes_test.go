package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRoutes(t *testing.T) {
	cases := map[string]struct {
		path string
		want string
		code int
	}{
		"a greeting names its guest":      {path: "/hello/Ada", want: ", Ada!", code: http.StatusOK},
		"the metrics count greetings":     {path: "/metrics", want: "hello_greetings_total", code: http.StatusOK},
		"health is an empty answer":       {path: "/healthz", code: http.StatusNoContent},
		"an unknown path is not found":    {path: "/nowhere", want: "404", code: http.StatusNotFound},
		"a greeting needs a guest's name": {path: "/hello/", want: "404", code: http.StatusNotFound},
	}
	handler := routes(slog.New(slog.DiscardHandler))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, c.path, nil))
			if answer.Code != c.code || !strings.Contains(answer.Body.String(), c.want) {
				t.Errorf("GET %s = %d %q, want %d and %q", c.path, answer.Code, answer.Body, c.code, c.want)
			}
		})
	}
}
