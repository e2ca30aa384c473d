//go:build linux && !unit

package ondeploy_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// cloudFormation is the side of AWS CloudFormation that a custom resource sees:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html.
type cloudFormation struct {
	t        *testing.T
	function *lambda
	server   *httptest.Server
	// ended returns the number of builds that have ended.
	ended func() int

	mutex sync.Mutex
	// answers are the answers to each request in the order of their arrival. Only the first counts.
	answers map[string][]answer
	arrived chan string
	// failures is how often the response URL still fails, and signatures are the secrets of all response URLs.
	failures   int
	signatures []string
}

// answer is an answer to a request.
type answer struct {
	Status, Reason, PhysicalResourceId, StackId, RequestId, LogicalResourceId string
	Data                                                                      map[string]string
	// ended is the number of builds that had ended when the answer arrived.
	ended int
}

const stackID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/Shop/8f1c"

func newCloudFormation(t *testing.T) *cloudFormation {
	c := &cloudFormation{t: t, answers: map[string][]answer{}, arrived: make(chan string, 100)}
	c.server = httptest.NewServer(http.HandlerFunc(c.receive))
	t.Cleanup(c.server.Close)
	return c
}

// receive is the response URL: S3 accepts any number of uploads.
func (c *cloudFormation) receive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.failures > 0 {
		c.failures--
		http.Error(w, "SlowDown", http.StatusServiceUnavailable)
		return
	}
	assert.Equal(c.t, http.MethodPut, r.Method)
	assert.Empty(c.t, r.Header.Values("Content-Type"))
	assert.LessOrEqual(c.t, len(body), 4096, "CloudFormation accepts no longer answer")
	a := answer{ended: c.ended()}
	assert.NoError(c.t, json.Unmarshal(body, &a))
	id := strings.TrimPrefix(r.URL.Path, "/")
	assert.Equal(c.t, []string{stackID, id}, []string{a.StackId, a.RequestId})
	assert.NotEmpty(c.t, a.PhysicalResourceId)
	c.answers[id] = append(c.answers[id], a)
	c.arrived <- id
}

// request sends a request and returns its id.
func (c *cloudFormation) request(kind string, r resource, old map[string]any) string {
	id, signature := rand.Text(), rand.Text()
	c.mutex.Lock()
	c.signatures = append(c.signatures, signature)
	c.mutex.Unlock()
	request := map[string]any{
		"RequestType": kind, "RequestId": id, "StackId": stackID, "LogicalResourceId": r.LogicalID, "ResourceType": "Custom::LayercacheImage",
		"ResponseURL": c.server.URL + "/" + id + "?X-Amz-Signature=" + signature, "ServiceToken": r.Properties["ServiceToken"],
		"ResourceProperties": r.Properties,
	}
	if kind != "Create" {
		request["PhysicalResourceId"] = r.Properties["Project"]
	}
	if kind == "Update" {
		request["OldResourceProperties"] = old
	}
	c.function.invoke(request)
	return id
}

// wait returns the first answer to a request. The service timeout of the resource is an answer of
// CloudFormation's own.
func (c *cloudFormation) wait(id string, timeout time.Duration) answer {
	deadline := time.After(timeout)
	for {
		c.mutex.Lock()
		got := c.answers[id]
		c.mutex.Unlock()
		if len(got) > 0 {
			return got[0]
		}
		select {
		case <-c.arrived:
		case <-deadline:
			return answer{Status: "FAILED", Reason: fmt.Sprintf("CloudFormation did not receive a response from your Custom Resource (RequestId: %s)", id)}
		}
	}
}

// count returns how many answers to a request have arrived.
func (c *cloudFormation) count(id string) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.answers[id])
}

// secrets returns the signatures of all response URLs.
func (c *cloudFormation) secrets() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]string{}, c.signatures...)
}
