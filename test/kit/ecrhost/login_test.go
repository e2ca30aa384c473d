//go:build linux

package ecrhost_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
)

const (
	imageManifest = "/v2/shop/manifests/1"
	cacheManifest = "/v2/cache/manifests/shop--linux-amd64--main"
)

func TestTheCacheIsWrittenAndReadUnderECRsHostNames(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: everyone()})
	cold := p.succeeds(p.build())
	assert.Equal(t, "yes", cold.Exported)
	assert.Empty(t, cold.Warnings)
	assert.True(t, p.has(imageHost, imageManifest, 201), "the image must be pushed")
	assert.True(t, p.has(cacheHost, cacheManifest, 201), "the cache must be exported")

	unchanged := p.succeeds(p.build())
	assert.Equal(t, "used", unchanged.Verdict)
	assert.Empty(t, unchanged.Warnings)

	var calls []string
	for _, call := range p.aws.Calls() {
		calls = append(calls, call.Action+" "+call.Principal)
	}
	asked := "GetAuthorizationToken " + ecrhost.Own
	assert.Equal(t, slices.Repeat([]string{asked}, 4), calls, "each of the two builds must get one token for each of the two regions")
}

// After a token has expired, the first request of a build to a registry needs a new one. buildx keeps
// credentials for five minutes, so this build pulls its base image from one host and imports no cache from
// the others.
func TestABuildThatOutlivesItsTokenStillPushesAndExports(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: everyone(), TokenLife: 15 * time.Second})
	p.write("Dockerfile", dockerfile+"RUN sleep 17\n")
	p.env["LAYERCACHE_REFRESH"] = "true"
	got := p.succeeds(p.build())
	assert.Equal(t, "yes", got.Exported, got.log)
	assert.Empty(t, got.Warnings)
	assert.True(t, p.has(imageHost, imageManifest, 201))
	assert.True(t, p.has(cacheHost, cacheManifest, 201))
	assert.Greater(t, len(p.aws.Calls()), 2, "the build must get more than one token for each region")

	p.env["LAYERCACHE_REFRESH"] = "false"
	assert.Equal(t, "used", p.succeeds(p.build()).Verdict, "the exported cache must be readable")
}

func TestTheUsersOwnDockerLoginNeedsNoCredentialsOfAWS(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: everyone()})
	p.credentials = false
	var auths []string
	for host := range everyone() {
		auth := base64.StdEncoding.EncodeToString([]byte("AWS:" + p.aws.Token(ecrhost.Own, time.Hour)))
		auths = append(auths, fmt.Sprintf(`%q:{"auth":%q}`, host, auth))
	}
	config := `{"auths":{` + strings.Join(auths, ",") + `}}`
	require.NoError(t, os.MkdirAll(filepath.Join(p.home, ".docker"), 0o700))
	path := filepath.Join(p.home, ".docker", "config.json")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))

	p.succeeds(p.build())
	unchanged := p.succeeds(p.build())
	assert.Equal(t, "used", unchanged.Verdict)
	assert.Empty(t, unchanged.Warnings)
	assert.Empty(t, p.aws.Calls(), "the helper must not call AWS")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, config, string(content), "the user's configuration must not change")
}

func TestABuildWithoutASignInFails(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: everyone()})
	p.credentials = false
	got := p.build()
	assert.NotZero(t, got.exitCode)
	assert.Contains(t, got.log, "sign in to ECR in eu-west-1: ")
	assert.False(t, p.has(imageHost, imageManifest, 201))
}

func TestARoleSignsInToTheCacheAlone(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: open([]string{ecrhost.Own}, []string{cacheRole})})
	p.env["LAYERCACHE_REPOSITORY_ROLE"] = cacheRole
	cold := p.succeeds(p.build())
	assert.Equal(t, "yes", cold.Exported)
	assert.Empty(t, cold.Warnings)
	assert.Equal(t, []string{ecrhost.Own}, p.pushers(imageHost))
	assert.Equal(t, []string{cacheRole}, p.pushers(cacheHost))
	assert.Contains(t, p.aws.Calls(), ecrhost.Call{Action: "AssumeRole", Principal: ecrhost.Own, Role: cacheRole, SessionName: "layercache"})
	assert.Equal(t, "used", p.succeeds(p.build()).Verdict)
}

func TestARoleIsNotAssumedIfTheImageIsOnTheSameHost(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: everyone()})
	p.env["LAYERCACHE_REPOSITORY"] = imageHost + "/cache"
	p.env["LAYERCACHE_REPOSITORY_ROLE"] = cacheRole
	got := p.succeeds(p.build())
	require.Len(t, got.Warnings, 1)
	assert.Contains(t, got.Warnings[0], "LAYERCACHE_REPOSITORY_ROLE is not assumed: the build's images or mirrors are in "+imageHost+" too")
	assert.Equal(t, []string{ecrhost.Own}, p.pushers(imageHost))
}
