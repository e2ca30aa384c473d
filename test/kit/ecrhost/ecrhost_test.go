//go:build linux

package ecrhost_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
)

func TestARegistryAnswersAsECRDoes(t *testing.T) {
	server, err := ecrhost.Start(ecrhost.Config{Dir: t.TempDir(), Registries: map[string]ecrhost.Registry{imageHost: {}, cacheHost: {Principals: []string{cacheRole}}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	client := &http.Client{Transport: server.Transport()}
	cases := []struct {
		name, host, password string
		status               int
		principal            string
	}{
		{"a token", imageHost, server.Token(ecrhost.Own, time.Hour), 200, ecrhost.Own},
		{"no token", imageHost, "", 401, ""},
		{"an unknown token", imageHost, "unknown", 401, ""},
		{"an expired token", imageHost, server.Token(ecrhost.Own, -time.Second), 403, ecrhost.Own},
		{"a token of an allowed principal", cacheHost, server.Token(cacheRole, time.Hour), 200, cacheRole},
		{"a token of another principal", cacheHost, server.Token(ecrhost.Own, time.Hour), 403, ecrhost.Own},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+c.host+"/v2/", nil)
			require.NoError(t, err)
			if c.password != "" {
				request.SetBasicAuth("AWS", c.password)
			}
			answer, err := client.Do(request)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			assert.Equal(t, c.status, answer.StatusCode)
			requests := server.Requests()
			assert.Equal(t, ecrhost.Request{Host: c.host, Method: "GET", Path: "/v2/", Status: c.status, Principal: c.principal}, requests[len(requests)-1])
		})
	}
}

func TestTheHostsResolveOnlyForProgramsOfTheWorld(t *testing.T) {
	server, err := ecrhost.Start(ecrhost.Config{Dir: t.TempDir(), Registries: map[string]ecrhost.Registry{imageHost: {}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	inside, err := server.Command(t.Context(), "cat", "/etc/hosts").Output()
	require.NoError(t, err)
	assert.Contains(t, string(inside), " "+imageHost+"\n")
	outside, err := os.ReadFile("/etc/hosts")
	require.NoError(t, err)
	assert.NotContains(t, string(outside), imageHost)
}
