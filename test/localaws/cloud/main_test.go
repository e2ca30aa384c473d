// Package cloud runs the layercache program as a user does, against two simulations of AWS: moto for projects
// and repositories, and package awsfake for builds that take time and fail.
package cloud

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/test/kit/programs"
)

func TestMain(m *testing.M) { programs.Main(m, programs.Whole) }

// environment returns the environment of a user with credentials, with the AWS endpoint at the address.
func environment(address string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/dev/null", "AWS_ENDPOINT_URL=" + address, "AWS_REGION=" + awsfake.Region,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true",
	}
}

// result is the exit status and output of layercache.
type result struct {
	status         int
	stdout, stderr string
}

func layercache(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	cmd := exec.Command(programs.Path(programs.Whole), args...)
	cmd.Env = environ
	return wait(t, cmd, cmd.Run)
}

// wait runs the command and collects its output.
func wait(t *testing.T, cmd *exec.Cmd, run func() error) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := run(); err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

var runningOn = regexp.MustCompile(`Running on http://[^:]+:(\d+)`)

// timePattern matches a time of a build as moto writes it. CodeBuild writes numbers, and the SDK for Go
// accepts only numbers.
var timePattern = regexp.MustCompile(`("(?:start|end)Time": )"([^"]+)"`)

// withNumericTimes starts a proxy to moto that corrects the times in its answers. It returns the proxy's
// address.
func withNumericTimes(t *testing.T, address string) string {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(answer *http.Response) error {
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		body = timePattern.ReplaceAllFunc(body, func(match []byte) []byte {
			parts := timePattern.FindSubmatch(match)
			at, err := time.Parse(time.RFC3339, string(parts[2]))
			if err != nil {
				return match
			}
			return fmt.Appendf(slices.Clone(parts[1]), "%d", at.Unix())
		})
		answer.Body = io.NopCloser(bytes.NewReader(body))
		answer.ContentLength = int64(len(body))
		answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// moto starts an empty moto server, and returns its address and an SDK configuration for it.
func moto(t *testing.T) (address string, config aws.Config) {
	t.Helper()
	cmd := exec.Command("moto_server", "-p", "0")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "moto_server is in test/requirements.txt: `make test` installs it")
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if match := runningOn.FindStringSubmatch(lines.Text()); match != nil {
			address = (&url.URL{Scheme: "http", Host: "localhost:" + match[1]}).String()
			break
		}
	}
	require.NotEmpty(t, address, "moto_server did not print its address")
	go func() {
		for lines.Scan() {
			continue
		}
	}()
	return address, aws.Config{
		Region: awsfake.Region, BaseEndpoint: aws.String(address),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}
}
