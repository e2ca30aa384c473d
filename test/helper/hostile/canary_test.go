//go:build linux

package hostile

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The secrets of a build, in addition to the keys and tokens of AWS.
const (
	buildSecret = "canary-of-the-build-secret-8c1f2e"
	otherSecret = "canary-of-a-variable-that-no-step-needs-77ab"
	loginSecret = "canary-of-a-docker-login-51d0c3"
	agentSecret = "canary-of-the-path-of-the-credentials-e09b"

	// visible is not a secret. Finding it shows that the search would find a secret.
	visible = "what-everybody-may-see-3b9d"
)

// secretive is a Dockerfile that uses the build secret in both forms, searches for more secrets, and stores
// what it finds.
const secretive = `FROM ` + base + ` AS build
ARG VERSION
COPY text text
RUN --mount=type=secret,id=npm test "$(wc -c < /run/secrets/npm)" -eq %d && echo had the file
RUN --mount=type=secret,id=npm,env=NPM_TOKEN test -n "$NPM_TOKEN" && echo had the variable
RUN { env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/mounts; find / -xdev -name 'credentials*' -o -name config.json; } > /found 2>&1 && cat /found
FROM ` + base + `
COPY --from=build /found text /
%s`

func (p *project) secretive(last string) {
	p.t.Helper()
	p.write("Dockerfile", fmt.Sprintf(secretive, len(buildSecret), last))
}

func secretiveProject(t *testing.T) *project {
	t.Helper()
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}))
	p := newProject(t)
	p.watched = true
	p.secretive("")
	p.write("text", visible+"\n")
	for variable, value := range map[string]string{
		"NPM_TOKEN": buildSecret, "DEPLOY_KEY": otherSecret, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/" + agentSecret,
		"LAYERCACHE_SECRETS": `{"npm":"NPM_TOKEN"}`, "LAYERCACHE_BUILD_ARGS": `{"VERSION":"1"}`,
		"LAYERCACHE_REPOSITORY_ROLE": "arn:aws:iam::444455556666:role/layercache",
	} {
		p.env[variable] = value
	}
	require.NoError(t, os.MkdirAll(filepath.Join(p.home, ".docker"), 0o700))
	login := base64.StdEncoding.EncodeToString([]byte("user:" + loginSecret))
	config := `{"auths":{"private.example":{"auth":"` + login + `"}}}`
	require.NoError(t, os.WriteFile(filepath.Join(p.home, ".docker", "config.json"), []byte(config), 0o600))
	return p
}

// everySecret returns the canaries and all secrets that the APIs of AWS issued.
func (p *project) everySecret() []string {
	return append(p.aws.Secrets(), buildSecret, otherSecret, loginSecret, agentSecret, "session-of-ASIA")
}

func TestSecretsAreNowhereThatAnybodyElseLooks(t *testing.T) {
	t.Parallel()
	p := secretiveProject(t)
	cold := p.succeeds(p.image())
	assert.Empty(t, cold.Warnings)
	assert.Contains(t, cold.log, "had the file")
	assert.Contains(t, cold.log, "had the variable")
	unchanged := p.succeeds(p.image())
	assert.Equal(t, "used", unchanged.Verdict)
	p.secretive("RUN --mount=type=secret,id=npm,env=NPM_TOKEN env | grep -c NPM_TOKEN && exit 3\n")
	failed := p.image()
	assert.Equal(t, 1, failed.exitCode)

	places := p.places(cold, unchanged, failed)
	p.absent(places, p.everySecret()...)
	assert.Regexp(t, `(?m)^#\d+ [0-9.]+ 1$`, failed.log, "the failing step must have the secret")

	layers := 0
	for _, where := range holding(places, visible) {
		if strings.Contains(where, "/registries/"+cacheHost) {
			layers++
		}
	}
	assert.NotZero(t, layers, "the search must look into the layers of the cache")
	assert.Contains(t, holding(places, "shop:latest"), "the command lines of processes")
}

// A secret that is in no file, log or command line can still be in a core file.
func TestNoProgramOfABuildCanLeaveACoreFile(t *testing.T) {
	t.Parallel()
	p := secretiveProject(t)
	p.env["GOTRACEBACK"] = "crash"
	got := p.succeeds(p.image())
	for _, program := range []string{"layercache", "buildx", "buildkitd"} {
		assert.Equal(t, "0", got.seen.programs[program], "%s, of %v", program, got.seen.programs)
	}
}

func TestTheSearchFindsATextInEveryEncoding(t *testing.T) {
	const text = `a "secret" of/more than+nothing`
	for before := range 4 {
		content := []byte(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + text + "y")))
		assert.NotEmpty(t, holding(map[string][]byte{"there": content}, text), "base64 after %d bytes", before)
	}
	for _, content := range []string{text, `a \"secret\" of/more than+nothing`, "a+%22secret%22+of%2Fmore+than%2Bnothing"} {
		assert.NotEmpty(t, holding(map[string][]byte{"there": []byte(content)}, text), content)
	}
	assert.Empty(t, holding(map[string][]byte{"there": []byte("a \"secret\" of another")}, text))
}
