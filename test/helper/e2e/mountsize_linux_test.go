package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxHelperKiB is the largest memory of the helper, whatever is in a mount.
const maxHelperKiB = 64 << 10

// peak runs a build and returns its log and the largest resident memory of the helper itself in KiB.
func (w *machine) peak(args ...string) (log string, kibibytes int) {
	w.t.Helper()
	cmd := w.command(w.t.Context(), args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(w.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	largest := regexp.MustCompile(`VmHWM:\s+(\d+) kB`)
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if match := largest.FindSubmatch(status); match != nil && bytes.Contains(status, []byte("Name:\tlayercache")) {
			kibibytes, _ = strconv.Atoi(string(match[1]))
		}
		select {
		case err := <-ended:
			require.NoError(w.t, err, output.String())
			return output.String(), kibibytes
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestACacheMountOfManySmallFiles saves and restores as many files as LAYERCACHE_MOUNT_FILES says.
func TestACacheMountOfManySmallFiles(t *testing.T) {
	t.Parallel()
	files, err := strconv.Atoi(cmp.Or(os.Getenv("LAYERCACHE_MOUNT_FILES"), "5000"))
	require.NoError(t, err)
	w := newMachine(t)
	w.env["LAYERCACHE_CACHE_TIMEOUT"] = "5m"
	w.write("Dockerfile", fmt.Sprintf("FROM %s\nCOPY src src\nRUN --mount=type=cache,target=/m "+
		`test -d /m/d || for d in $(seq %d); do mkdir -p /m/d/$d; for f in $(seq 100); do echo "file $f of folder $d" > /m/d/$d/file-$f; done; done; `+
		`echo "files: $(find /m -type f | wc -l)"; date > /m/d/new-$(cat src/main.txt)`+"\n", base, files/100))
	for i, source := range []string{"one", "two", "three"} {
		w.write("src/main.txt", source)
		log, kibibytes := w.peak("build", "--push", "--tag", w.image(), ".")
		assert.Regexp(t, fmt.Sprintf(`(?m) files: %d$`, files/100*100+i), log)
		assert.Less(t, kibibytes, maxHelperKiB, "KiB of the helper")
		t.Logf("%d KiB: %s", kibibytes, regexp.MustCompile(`cache mounts: .*`).FindString(log))
	}
}
