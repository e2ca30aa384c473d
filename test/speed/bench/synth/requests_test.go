package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRequestsOfABuild limits the number of requests to the CDK's process that one more build adds, as each
// is a round trip through pipes and two processes. Of the 22, 6 create constructs, 8 add a statement to the
// role's policy, 3 set the lifecycle policy of the image's repository, and the others pass or query one value.
func TestRequestsOfABuild(t *testing.T) {
	one, two := requests(t, 1), requests(t, 2)
	assert.Greater(t, one, 22, "jsii's debug output has changed; see requests")
	assert.LessOrEqual(t, two-one, 22)
}

// requests returns the number of requests of the Go app. jsii's debug output has one line for each, which
// starts with "> {".
func requests(t *testing.T, builds int) int {
	t.Helper()
	dir := t.TempDir()
	path, err := writeParameters(dir, builds)
	require.NoError(t, err)
	own, err := os.Executable()
	require.NoError(t, err)
	var debug bytes.Buffer
	c := exec.Command(own)
	c.Env = append(os.Environ(), appVariable+"="+path, "CDK_OUTDIR="+dir+"/cdk.out", "CDK_VALIDATION=false", "JSII_DEBUG=1")
	c.Stderr = &debug
	require.NoError(t, c.Run())
	return bytes.Count(debug.Bytes(), []byte("\n> {"))
}
