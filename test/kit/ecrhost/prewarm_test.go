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
	"github.com/layercache/layercache/test/kit/programs"
)

// prewarm runs `layercache prewarm`, and returns what it printed.
func (p *project) prewarm(images ...string) (string, error) {
	p.t.Helper()
	cmd := p.aws.Command(p.t.Context(), programs.Path(programs.Bundled), append([]string{"prewarm"}, images...)...)
	cmd.Env = append(p.aws.Environ(), "HOME="+p.home, "PATH="+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, p.aws.Credentials()...)
	printed, err := cmd.CombinedOutput()
	return string(printed), err
}

func TestABaseThatIsPinnedByDigestIsImportedByAPrewarm(t *testing.T) {
	registries := everyone()
	mirror := registries[mirrorHost]
	mirror.ImportTime = 2 * time.Second
	registries[mirrorHost] = mirror
	p := newProject(t, ecrhost.Config{Registries: registries})
	digest := busyboxDigest(t)

	printed, err := p.prewarm(busybox + "@" + digest)
	require.Error(t, err, printed)
	assert.Contains(t, printed, "ECR imports an image only by its tag: write "+busybox+":TAG@"+digest)

	begin := time.Now()
	printed, err = p.prewarm(busybox + ":1.37@" + digest)
	require.NoError(t, err, printed)
	assert.Contains(t, printed, busybox+":1.37@"+digest+": ready, ")
	assert.Greater(t, time.Since(begin), mirror.ImportTime, "the layers must be checked until the import has ended")

	printed, err = p.prewarm(busybox + "@" + digest)
	require.NoError(t, err, printed)
	for _, request := range p.aws.Requests() {
		if request.Method == http.MethodPut {
			t.Errorf("a prewarm wrote: %v", request)
		}
	}
}

func TestABuildSaysThatAPinnedBaseIsNotInItsMirror(t *testing.T) {
	p := newProject(t, ecrhost.Config{Registries: everyone()})
	pinned := "public.ecr.aws/docker/library/busybox:1.37@" + busyboxDigest(t)
	p.write("Dockerfile", "FROM "+pinned+"\nCOPY text text\nRUN cat text > copy\n")
	mirrored := busybox + ":1.37@" + busyboxDigest(t)
	warning := pinned + " is pulled from public.ecr.aws, not from its mirror: " + mirrorHost + "/ecr-public does not have it; " +
		"ECR imports an image only by its tag, so run once: layercache prewarm " + mirrored

	// Whether it succeeds depends on whether the upstream can be reached.
	got := p.build()
	assert.Contains(t, got.log, warning)

	printed, err := p.prewarm(mirrored)
	require.NoError(t, err, printed)
	got = p.succeeds(p.build())
	assert.NotContains(t, got.log, "not from its mirror")
	assert.Empty(t, got.Warnings)

	p.write("Dockerfile", dockerfile)
	got = p.succeeds(p.build())
	assert.Empty(t, got.Warnings, "a base that is named by its tag is imported")
}
