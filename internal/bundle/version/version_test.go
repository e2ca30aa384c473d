package version

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// stamped sets the variables that the linker sets.
func stamped(t *testing.T, s Stamp) {
	t.Helper()
	oldVersion, oldCommit := version, commit
	t.Cleanup(func() { version, commit = oldVersion, oldCommit })
	version, commit = s.Version, s.Commit
}

func TestTheVersionIsOneLineThatNamesItsParts(t *testing.T) {
	parts := "BuildKit " + toolchain.Buildkitd().Version + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	const id = "0123456789abcdef0123456789abcdef01234567"
	for name, c := range map[string]struct {
		stamp Stamp
		want  string
	}{
		"a release":                              {Stamp{"v1.2.3", id}, "layercache v1.2.3 (commit 0123456789ab, " + parts},
		"a version of the module without commit": {Stamp{Version: "v1.2.3"}, "layercache v1.2.3 (" + parts},
	} {
		t.Run(name, func(t *testing.T) {
			stamped(t, c.stamp)
			assert.Equal(t, c.want, String())
		})
	}
}

func TestAProgramOfUnknownVersionNamesItsDigest(t *testing.T) {
	stamped(t, Stamp{})
	path, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, String(), fmt.Sprintf("layercache devel (program sha256:%.12s, BuildKit ", fmt.Sprintf("%x", sha256.Sum256(content))))
}

func TestWhatTheGoCommandRecordedFillsTheGaps(t *testing.T) {
	info := func(version, revision string) *debug.BuildInfo {
		b := &debug.BuildInfo{Main: debug.Module{Version: version}}
		if revision != "" {
			b.Settings = []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}}
		}
		return b
	}
	for name, c := range map[string]struct {
		stamp Stamp
		info  *debug.BuildInfo
		want  Stamp
	}{
		"go install of a version":      {Stamp{}, info("v1.2.3", ""), Stamp{Version: "v1.2.3"}},
		"go build in a checkout":       {Stamp{}, info("v1.2.4-0.20260101000000-abc", "abc"), Stamp{"v1.2.4-0.20260101000000-abc", "abc"}},
		"a compilation without Git":    {Stamp{}, info("(devel)", ""), Stamp{}},
		"a release in a Git checkout":  {Stamp{"v1.2.3", "def"}, info("v1.2.4-0.20260101000000-abc", "abc"), Stamp{"v1.2.3", "def"}},
		"a version without its commit": {Stamp{Version: "v1.2.3"}, info("(devel)", "abc"), Stamp{"v1.2.3", "abc"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, c.stamp.withBuildInfo(c.info))
		})
	}
}

func TestTheLinkerGetsOnlyWhatIsKnown(t *testing.T) {
	assert.Empty(t, Stamp{}.LinkFlags())
	assert.Equal(t, " -X "+packagePath+".version=v1.2.3 -X "+packagePath+".commit=abc", Stamp{"v1.2.3", "abc"}.LinkFlags())
}
