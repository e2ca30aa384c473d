//go:build linux

package run_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/kit/programs"
	"github.com/layercache/layercache/test/kit/template"
	"github.com/layercache/layercache/test/localaws/run"
)

func TestMain(m *testing.M) { programs.Main(m, programs.Whole, programs.Buildx) }

const dockerfile = "FROM public.ecr.aws/docker/library/busybox:1.37\nCOPY text text\nRUN cat text > copy\n"

// account is an account with a synthesized project and the resources that the project names.
type account struct {
	t        *testing.T
	aws      *awslocal.Server
	registry *ecrhost.Server
	builds   *run.CodeBuild
	project  template.Project
	// user is the SDK's configuration for the account's administrator.
	user aws.Config
}

func newAccount(t *testing.T) *account {
	t.Helper()
	app := synthesize(t)
	projects, err := app.Projects()
	require.NoError(t, err)
	require.Len(t, projects, 1)
	w := &account{t: t, project: projects[0]}
	registries, err := run.Registries(app)
	require.NoError(t, err)
	w.aws, err = awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.aws.Close()) })
	w.registry, err = ecrhost.Start(ecrhost.Config{Dir: t.TempDir(), Registries: registries, Identify: run.Identify(w.aws)})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.registry.Close()) })
	w.user, err = w.aws.Config(t.Context(), w.project.Account, w.project.Region)
	require.NoError(t, err)
	require.NoError(t, w.aws.CreateProject(t.Context(), w.project))

	// A build image contains buildx but not the helper.
	tools, home := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(programs.Path(programs.Buildx), filepath.Join(tools, "buildx")))
	w.builds, err = run.Start(t.Context(), run.Config{
		AWS: w.aws, Registry: w.registry, Dir: t.TempDir(), Env: []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.builds.Close()) })
	for _, secondary := range w.project.SecondarySources {
		content, err := os.ReadFile(secondary.Path)
		require.NoError(t, err)
		w.upload(secondary.Location, content)
	}
	w.source(dockerfile)
	return w
}

// synthesize runs the CDK app as the CDK CLI does. The app compiles the helper that the build downloads.
func synthesize(t *testing.T) *template.App {
	t.Helper()
	dir, err := bundle.SourceDir(t.Context())
	require.NoError(t, err)
	source, out := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "Dockerfile"), []byte(dockerfile), 0o600))
	settings, err := json.Marshal(map[string]any{"layercache": map[string]any{
		"builds": []any{map[string]any{"name": "shop", "source": map[string]any{"directory": source}}},
	}})
	require.NoError(t, err)
	app := exec.CommandContext(t.Context(), "go", "run", "./bin/app")
	app.Dir = dir
	app.Env = append(os.Environ(), "CDK_OUTDIR="+out, "CDK_CONTEXT_JSON="+string(settings), "CDK_VALIDATION=false")
	printed, err := app.CombinedOutput()
	require.NoError(t, err, string(printed))
	loaded, err := template.Load(out)
	require.NoError(t, err)
	return loaded
}

// source uploads the project's source: a Dockerfile and a file for it to copy.
func (w *account) source(dockerfile string) {
	w.t.Helper()
	var content bytes.Buffer
	archive := zip.NewWriter(&content)
	for name, text := range map[string]string{"Dockerfile": dockerfile, "text": "hello\n"} {
		file, err := archive.Create(name)
		require.NoError(w.t, err)
		_, err = file.Write([]byte(text))
		require.NoError(w.t, err)
	}
	require.NoError(w.t, archive.Close())
	w.upload(w.project.Source.Location, content.Bytes())
}

// upload writes an object to BUCKET/KEY. It creates the bucket if necessary, as `cdk bootstrap` does.
func (w *account) upload(location string, content []byte) {
	w.t.Helper()
	bucket, key, _ := strings.Cut(location, "/")
	client := s3.NewFromConfig(w.user, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(w.t.Context(), &s3.CreateBucketInput{
		Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(w.project.Region)},
	})
	var owned *types.BucketAlreadyOwnedByYou
	if !errors.As(err, &owned) {
		require.NoError(w.t, err)
	}
	_, err = client.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content)})
	require.NoError(w.t, err)
}

// result is the exit status and output of `layercache start`.
type result struct {
	status         int
	stdout, stderr string
}

// start runs `layercache start PROJECT ARGS…` as an administrator of the account.
func (w *account) start(project string, args ...string) result {
	w.t.Helper()
	environ, err := w.aws.Environ(w.t.Context(), w.project.Account, w.project.Region)
	require.NoError(w.t, err)
	cmd := exec.CommandContext(w.t.Context(), programs.Path(programs.Whole), append([]string{"start", project}, args...)...)
	cmd.Env = append(environ, "AWS_ENDPOINT_URL="+w.builds.Endpoint)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		require.NoError(w.t, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
