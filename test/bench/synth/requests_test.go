package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRequestsOfABuild limits what one more build asks of the CDK's process, as
// each request is a round trip through pipes. Of the 30, 6 make constructs; the
// others are what the CDK is told or asked one by one, as a statement of a
// policy is.
func TestRequestsOfABuild(t *testing.T) {
	one, two := requests(t, 1), requests(t, 2)
	assert.Greater(t, one, 30, "jsii tells of requests in another way; see requests")
	assert.LessOrEqual(t, two-one, 30)
}

// requests counts the requests of the Go app, of which jsii tells when it is
// asked to debug: lines that begin with "> {".
func requests(t *testing.T, builds int) int {
	t.Helper()
	dir := t.TempDir()
	path, err := writeParameters(dir, builds)
	require.NoError(t, err)
	own, err := os.Executable()
	require.NoError(t, err)
	var told bytes.Buffer
	c := exec.Command(own)
	c.Env = append(os.Environ(), appVariable+"="+path, "CDK_OUTDIR="+dir+"/cdk.out", "CDK_VALIDATION=false", "JSII_DEBUG=1")
	c.Stderr = &told
	require.NoError(t, c.Run())
	return bytes.Count(told.Bytes(), []byte("\n> {"))
}
