package builder

import (
	"net"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// ownNetwork gives this test a network of its own: its thread is in it, and so is what the thread starts.
func ownNetwork(t *testing.T) {
	t.Helper()
	needRoot(t)
	runtime.LockOSThread() // Never unlocked: the thread ends with the test.
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	require.NoError(t, err)
	loopback.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	require.NoError(t, unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback))
}

func reached() bool {
	connection, err := net.Dial("tcp", dockerAPI)
	if err == nil {
		_ = connection.Close()
	}
	return err == nil
}

func TestNobodyTalksToDockerdWhileTheBuilderRuns(t *testing.T) {
	ownNetwork(t)
	t.Setenv("CODEBUILD_BUILD_ID", "shop:1")
	t.Setenv("DOCKER_HOST", "")
	reopen, err := shutDockerAPI(t.Context())
	require.NoError(t, err)
	reopen()

	docker, err := net.Listen("tcp", dockerAPI)
	require.NoError(t, err)
	defer docker.Close()
	require.True(t, reached())
	first, err := shutDockerAPI(t.Context())
	require.NoError(t, err)
	assert.False(t, reached())
	second, err := shutDockerAPI(t.Context())
	require.NoError(t, err)
	first()
	assert.False(t, reached(), "the second builder still runs")
	second()
	assert.True(t, reached(), "it is as it was")
	rules, err := exec.Command("iptables", "--list-rules", "OUTPUT").Output()
	require.NoError(t, err)
	assert.Equal(t, "-P OUTPUT ACCEPT\n", string(rules))
}

func TestADockerdThatStaysOpenIsTold(t *testing.T) {
	ownNetwork(t)
	docker, err := net.Listen("tcp", dockerAPI)
	require.NoError(t, err)
	defer docker.Close()

	t.Setenv("CODEBUILD_BUILD_ID", "")
	_, err = shutDockerAPI(t.Context())
	require.ErrorIs(t, err, errDockerAPI)
	assert.True(t, reached(), "what is not ours is left alone")

	t.Setenv("CODEBUILD_BUILD_ID", "shop:1")
	t.Setenv("DOCKER_HOST", "tcp://"+dockerAPI)
	_, err = shutDockerAPI(t.Context())
	require.ErrorIs(t, err, errDockerAPI)
	assert.True(t, reached(), "the docker command needs it")

	t.Setenv("DOCKER_HOST", "")
	t.Setenv("PATH", t.TempDir())
	_, err = shutDockerAPI(t.Context())
	require.ErrorIs(t, err, errDockerAPI)
	assert.ErrorContains(t, err, `"iptables": executable file not found`)
}
