package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/checkout"
	"github.com/layercache/layercache/test/kit/programs"
)

// account is moto's.
const account = "123456789012"

// token is a secret of a build.
const token = "correct-horse-battery"

// ecrHost matches the registries in moto's answers.
var ecrHost = regexp.MustCompile(`(\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com`)

// ecrAt starts a proxy to the local AWS, and returns its address. It names a registry of this machine as that of ECR: the
// one of the account, or else that of the machine.
func (m *machine) ecrAt(aws *awslocal.Server, registries map[string]string) string {
	m.t.Helper()
	target, err := url.Parse(aws.Endpoint)
	require.NoError(m.t, err)
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(answer *http.Response) error {
			if !strings.HasPrefix(answer.Request.Header.Get("X-Amz-Target"), "AmazonEC2ContainerRegistry") {
				return nil
			}
			content, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			content = ecrHost.ReplaceAllFunc(content, func(host []byte) []byte {
				return []byte(cmp.Or(registries[string(ecrHost.FindSubmatch(host)[1])], m.registry.Addr()))
			})
			answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
			answer.Header.Set("Content-Length", strconv.Itoa(len(content)))
			return nil
		},
	})
	m.t.Cleanup(front.Close)
	return "http://localhost:" + strings.TrimPrefix(front.URL, "http://127.0.0.1:")
}

// cdkMachine returns a machine on which the CDK CLI uses the local AWS, and layercache in the place of docker.
func cdkMachine(t *testing.T, aws *awslocal.Server) *machine {
	t.Helper()
	m := newMachine(t)
	for variable, value := range map[string]string{
		"AWS_ENDPOINT_URL": m.ecrAt(aws, nil), "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
		"CDK_DOCKER": "layercache-docker", "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true", "CDK_VALIDATION": "false", "LAYERCACHE_REPORT_DIR": "reports",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20", "SOURCE_DATE_EPOCH": "1700000000",
	} {
		m.env[variable] = value
	}
	return m
}

// cdk runs the CDK CLI, which must succeed.
func (m *machine) cdk(args ...string) result {
	m.t.Helper()
	cli := filepath.Join(checkout.Dir(), "node_modules", "aws-cdk", "bin", "cdk")
	got := m.shell(`exec node "$@" --no-notices`, append([]string{cli}, args...)...)
	require.Zero(m.t, got.code, got.stdout+got.stderr)
	return got
}

// services writes what the images of the apps are built from. Only the target "release" of api can be built.
func (m *machine) services() {
	m.t.Helper()
	base := m.registry.Addr() + "/ecr-public" + strings.TrimPrefix(base, "public.ecr.aws") // which dockerd can pull, too
	m.write("services/api/Dockerfile", "FROM "+base+" AS release\nARG VERSION\nCOPY --from=shared file /shared\n"+
		"RUN --mount=type=secret,id=token,required sha256sum /run/secrets/token >/token && echo $VERSION >/version\n"+
		"FROM "+base+"\nRUN exit 1\n")
	m.write("services/shared/file", "shared\n")
	m.write("services/token", token)
	for _, name := range []string{"web", "tools"} {
		m.write("services/"+name+"/Dockerfile", "FROM "+base+"\nRUN echo "+name+" >/name\nCOPY content /content\n")
		m.write("services/"+name+"/content", "1")
	}
	m.write("services/job/Containerfile", "FROM "+base+"\nRUN echo job >/name\n")
	require.NoError(m.t, os.Chtimes(filepath.Join(m.source, "services/shared/file"), time.Unix(1, 0), time.Unix(1, 0)))
}

// TestACDKAppIsDeployed deploys an app with three images to two regions, on a machine without docker. The CDK and its
// CLI are as published.
func TestACDKAppIsDeployed(t *testing.T) {
	t.Parallel()
	aws, err := awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, aws.Close()) })
	cdkMachine(t, aws).cdk("bootstrap", "aws://"+account+"/eu-west-1", "aws://"+account+"/us-east-1")
	this, err := os.Executable()
	require.NoError(t, err)
	for language, app := range map[string]string{
		"TypeScript": "node app.mjs",
		"Python":     checkout.Path(".venv-cdk/bin/python") + " app.py",
		"Go":         this,
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			m := cdkMachine(t, aws)
			m.services()
			require.NoError(t, os.CopyFS(m.source, os.DirFS("testdata/cdk")))
			require.NoError(t, os.Symlink(checkout.Path("test/constructs/languages/node_modules"), filepath.Join(m.source, "node_modules")))
			m.env["STACK"], m.env["SERVICES"], m.env["THEIR_CACHE"] = language, filepath.Join(m.source, "services"), m.registry.Addr()+"/theirs:cache"
			m.deployThreeTimes(app)
		})
	}
}

// deployThreeTimes deploys the app new, unchanged and with one of its images and that of its tools changed, each in a job of
// its own. The images are those that docker builds.
func (m *machine) deployThreeTimes(app string) {
	repositories := map[string]string{}
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		repositories[region] = "cdk-hnb659fds-container-assets-" + account + "-" + region
	}
	m.deploy("1", app)
	assert.Equal(m.t, map[string]string{"Api": "cold", "Web": "cold", "Job/AssetImage": "cold", "cdk-image/services/tools": "cold"}, m.imageVerdicts())
	first := m.ids(repositories["eu-west-1"])
	assert.Len(m.t, first, 3)
	assert.Len(m.t, m.tags(repositories["us-east-1"]), 1)
	m.checkAPI(repositories["eu-west-1"])

	m.deploy("2", app)
	assert.Equal(m.t, map[string]string{"Api": "used", "Web": "used", "Job/AssetImage": "used", "cdk-image/services/tools": "used"}, m.imageVerdicts())
	assert.Equal(m.t, first, m.ids(repositories["eu-west-1"]))

	m.write("services/web/content", "2")
	m.write("services/tools/content", "2")
	got := m.deploy("3", app)
	assert.Equal(m.t, map[string]string{"Api": "used", "Web": "partly-used", "Job/AssetImage": "used", "cdk-image/services/tools": "partly-used"}, m.imageVerdicts())
	second := m.ids(repositories["eu-west-1"])
	assert.Len(m.t, second, 4)
	assert.Subset(m.t, second, first)
	assert.Len(m.t, m.tags(repositories["us-east-1"]), 1)
	built := configs(m.t, m.buildAssets(m.env["STACK"]+".assets.json"))
	assert.Len(m.t, built, 3)
	ours := configs(m.t, m.registry.Addr()+"/"+repositories["eu-west-1"])
	for tag, config := range built {
		assert.Equal(m.t, config, ours[tag])
	}

	assert.Contains(m.t, got.stderr, "--cache-from and --cache-to are replaced by the cache of layercache")
	assert.Empty(m.t, m.tags("theirs"))
	assert.NotContains(m.t, got.stdout+got.stderr, token)
}

// deploy deploys the app in a new job, and ends the job.
func (m *machine) deploy(job, app string, flags ...string) result {
	m.t.Helper()
	require.NoError(m.t, os.RemoveAll(filepath.Join(m.source, m.env["LAYERCACHE_REPORT_DIR"])))
	m.env["LAYERCACHE_JOB"] = m.env["STACK"] + job
	got := m.cdk(append([]string{"deploy", "--all", "--app", app, "--require-approval", "never", "--method", "direct", "--no-previous-parameters",
		"--asset-build-concurrency", "3"}, flags...)...)
	stopped := m.shell(`"$1" stop`, programs.Path(programs.Bundled))
	require.Zero(m.t, stopped.code, stopped.stderr)
	return got
}

// imageVerdicts returns the verdicts of the images by their constructs.
func (m *machine) imageVerdicts() map[string]string {
	m.t.Helper()
	paths, err := filepath.Glob(filepath.Join(m.source, "reports", "*", report.File))
	require.NoError(m.t, err)
	found := map[string]string{}
	for _, path := range paths {
		read, err := report.Read(path)
		require.NoError(m.t, err)
		found[strings.TrimPrefix(read.App, m.env["STACK"]+"/")] = read.Verdict
	}
	return found
}

// ids returns the IDs of the repository's images by tag. None may be an index, which AWS Lambda refuses.
func (m *machine) ids(repository string) map[string]string {
	m.t.Helper()
	found := map[string]string{}
	for _, tag := range m.tags(repository) {
		image := m.registry.Addr() + "/" + repository + ":" + tag
		parsed, err := name.ParseReference(image)
		require.NoError(m.t, err)
		manifest, err := remote.Head(parsed)
		require.NoError(m.t, err)
		assert.True(m.t, manifest.MediaType.IsImage(), manifest.MediaType)
		found[tag] = m.idOf(image)
	}
	return found
}

// checkAPI checks that one image of the repository was built with the argument, the secret and the named context of Api.
func (m *machine) checkAPI(repository string) {
	m.t.Helper()
	want := map[string]string{"shared": "shared\n", "version": "7\n", "token": fmt.Sprintf("%x  /run/secrets/token\n", sha256.Sum256([]byte(token)))}
	for tag := range m.ids(repository) {
		content := mutate.Extract(m.pulled(m.registry.Addr() + "/" + repository + ":" + tag))
		found := map[string]string{}
		files := tar.NewReader(content)
		for header, err := files.Next(); err != io.EOF; header, err = files.Next() {
			require.NoError(m.t, err)
			if _, wanted := want[header.Name]; wanted {
				text, err := io.ReadAll(files)
				require.NoError(m.t, err)
				found[header.Name] = string(text)
			}
		}
		require.NoError(m.t, content.Close())
		if len(found) > 0 {
			assert.Equal(m.t, want, found)
			return
		}
	}
	assert.Fail(m.t, "no image of "+repository+" has the files of Api")
}
