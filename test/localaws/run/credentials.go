//go:build linux

package run

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// credentials serves sessions as in a build environment of CodeBuild: at a URL that is in the environment,
// without secrets in the environment.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
type credentials struct {
	*httptest.Server
	mutex    sync.Mutex
	sessions map[string]types.Credentials
}

func newCredentials() *credentials {
	c := &credentials{sessions: map[string]types.Credentials{}}
	c.Server = httptest.NewServer(http.HandlerFunc(c.answer))
	return c
}

// offer serves the session and returns the variables with its URL.
func (c *credentials) offer(session types.Credentials) []string {
	path := "/v2/credentials/" + rand.Text()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.sessions[path] = session
	return []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + c.URL + path}
}

func (c *credentials) answer(w http.ResponseWriter, r *http.Request) {
	c.mutex.Lock()
	session, ok := c.sessions[r.URL.Path]
	c.mutex.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"AccessKeyId": *session.AccessKeyId, "SecretAccessKey": *session.SecretAccessKey, "Token": *session.SessionToken,
		"Expiration": session.Expiration.UTC().Format(time.RFC3339),
	})
}
