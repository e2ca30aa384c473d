//go:build linux && !unit

package ondeploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/kit/template"
)

// The steps run on this machine's architecture, whatever the platform of the image is.
const (
	compiling  = "FROM --platform=$BUILDPLATFORM public.ecr.aws/docker/library/busybox:1.37 AS compile\nARG TARGETARCH\nCOPY text /text\nRUN "
	both       = compiling + "echo $TARGETARCH > /program\nFROM scratch\nCOPY --from=compile /program /program\n"
	failingArm = compiling + "if [ $TARGETARCH = amd64 ]; then sleep 600; fi; echo shop_arm64.s:7: undefined && exit 3\n"
	endlessTwo = compiling + "echo has_begun | tr _ - && sleep 600\n"
)

// twoArchitectures is the app with an image for two architectures. All builds run on this machine, so both get its
// helper.
func twoArchitectures(t *testing.T) program {
	t.Helper()
	zip, err := bundle.Build(t.Context(), toolchain.Host().Arch, os.Stderr)
	require.NoError(t, err)
	content, err := os.ReadFile(zip)
	require.NoError(t, err)
	zips := t.TempDir()
	for _, file := range []string{"amd64.zip", "arm64.zip", "function.zip"} {
		require.NoError(t, os.WriteFile(filepath.Join(zips, file), content, 0o600))
	}
	return program{source: "./bin/app", environ: func(dir string) []string {
		settings, err := json.Marshal(map[string]any{"layercache": map[string]any{"builds": []any{map[string]any{
			"name": "shop", "source": map[string]any{"directory": filepath.Join(dir, "service")}, "platforms": []string{"linux/amd64", "linux/arm64"},
			"helperZip": filepath.Join(zips, "{arch}.zip"), "deploy": map[string]any{"functionZip": filepath.Join(zips, "function.zip")},
		}}}})
		require.NoError(t, err)
		return []string{"CDK_CONTEXT_JSON=" + string(settings)}
	}}
}

// platforms returns the platforms of an image in the repository of the project.
func (w *account) platforms(project template.Project, digest string) []string {
	w.Helper()
	ref, err := name.ParseReference(project.Value("LAYERCACHE_IMAGE") + "@" + digest)
	require.NoError(w, err)
	auth := &authn.Basic{Username: "AWS", Password: w.registry.Token(project.ServiceRole, time.Hour)}
	index, err := remote.Index(ref, remote.WithTransport(w.registry.Transport()), remote.WithAuth(auth), remote.WithContext(w.Context()))
	require.NoError(w, err)
	manifest, err := index.IndexManifest()
	require.NoError(w, err)
	var found []string
	for _, image := range manifest.Manifests {
		// Attestations are for the platform unknown/unknown.
		if platform := image.Platform.String(); !strings.HasPrefix(platform, "unknown") {
			found = append(found, platform)
		}
	}
	slices.Sort(found)
	return found
}

// statuses returns how the builds after a number of others have ended, as soon as there are so many.
func (w *account) statuses(after, count int) []string {
	w.Helper()
	w.nextEnd(after + count - 1)
	var found []string
	for _, ended := range w.endedBuilds()[after:] {
		found = append(found, ended.Status)
	}
	slices.Sort(found)
	return found
}

// TestAnImageForTwoArchitectures starts 3, 0, 2, 0 and 2 builds.
func TestAnImageForTwoArchitectures(t *testing.T) {
	w, app := newAccount(t, twoArchitectures(t), both)
	project := w.project(app)
	var digest string

	t.Run("the first deployment waits for the index of both images", func(t *testing.T) {
		got := w.cfn.wait(w.deploy("Create", app, nil), patience)
		require.Equal(t, "SUCCESS", got.Status, got.Reason)
		assert.Equal(t, 2, got.ended, "the builds of both platforms, while the build of the index still runs")
		assert.Equal(t, "the index of the platforms' images was pushed", got.Reason)
		digest = got.Data["ImageDigest"]
		assert.Equal(t, []string{"linux/amd64", "linux/arm64"}, w.platforms(project, digest))
		assert.Equal(t, 3, w.started())
		w.noTicket(project.Name)
	})

	t.Run("an unchanged source builds nothing", func(t *testing.T) {
		again := w.image(w.synthesize(both))
		assert.Equal(t, w.image(app).Properties, again.Properties)
		got := w.cfn.wait(w.cfn.request("Update", again, w.image(app).Properties), patience)
		assert.Equal(t, digest, got.Data["ImageDigest"], got.Reason)
		assert.Equal(t, 3, w.started())
	})

	broken := w.synthesize(failingArm)
	t.Run("one architecture fails: the deployment fails at once, and the other build is stopped", func(t *testing.T) {
		before := len(w.endedBuilds())
		id := w.deploy("Update", broken, w.image(app).Properties)
		got := w.cfn.wait(id, patience)
		assert.Equal(t, "FAILED", got.Status)
		for _, part := range []string{"exit code: 3", "shop_arm64.s:7: undefined", "the build failed"} {
			assert.Contains(t, got.Reason, part)
		}
		assert.Equal(t, []string{"FAILED", "STOPPED"}, w.statuses(before, 2))
		w.noTicket(project.Name)
		assert.Equal(t, 5, w.started(), "the index is not built")
	})

	t.Run("the rollback goes back to the index of before and builds nothing", func(t *testing.T) {
		got := w.cfn.wait(w.deploy("Update", app, w.image(broken).Properties), patience)
		assert.Equal(t, digest, got.Data["ImageDigest"], got.Reason)
		assert.Equal(t, 5, w.started())
	})

	t.Run("a deletion stops both builds", func(t *testing.T) {
		before, hanging := len(w.endedBuilds()), w.synthesize(endlessTwo)
		w.deploy("Update", hanging, w.image(app).Properties)
		require.Eventually(t, func() bool { return strings.Count(w.logs(), "has-begun") == 2 }, patience, 200*time.Millisecond)
		require.Equal(t, "SUCCESS", w.cfn.wait(w.cfn.request("Delete", w.image(hanging), nil), patience).Status)
		assert.Equal(t, []string{"STOPPED", "STOPPED"}, w.statuses(before, 2))
		w.noTicket(project.Name)
		assert.Equal(t, 7, w.started())
	})
	assert.Empty(t, w.function.errors())
	w.hidesSecrets()
}
