//go:build linux && !unit

// Package ondeploy deploys the example build-on-deploy, and an image for two architectures: the function of the stack
// runs with AWS Lambda's runtime API, builds run on a real BuildKit, and a small CloudFormation sends the requests that
// the synthesized template asks for.
package ondeploy_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/checkout"
	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/kit/programs"
	"github.com/layercache/layercache/test/kit/template"
	"github.com/layercache/layercache/test/localaws/run"
)

func TestMain(m *testing.M) { programs.Main(m, programs.DeployFunction, programs.Buildx) }

type resource = template.Resource

const (
	base    = "FROM public.ecr.aws/docker/library/busybox:1.37\n"
	first   = base + "COPY text /text\nRUN cat /text > /copy\n"
	second  = first + "RUN echo 2 > /version\n"
	failing = base + "RUN echo compiling shop && echo shop.go:7: undefined && exit 3\n"
	endless = base + "RUN echo has_begun | tr _ - && sleep 600\n"
	// patience is how long a test waits for a build.
	patience = 5 * time.Minute
)

// program is a CDK app that builds one image, in the folder service, when it is deployed.
type program struct {
	// source is the app's package, from the root of the project.
	source string
	// environ returns further variables of the app in a folder.
	environ func(dir string) []string
	// compiled is the path of the compiled app.
	compiled string
}

// example is the program of the example build-on-deploy.
var example = program{source: "./examples/build-on-deploy", environ: func(string) []string { return nil }}

// account is an account in which a program is deployed.
type account struct {
	*testing.T
	program
	aws      *awslocal.Server
	registry *ecrhost.Server
	builds   *run.CodeBuild
	function *lambda
	logged   func() string
	cfn      *cloudFormation
	user     aws.Config

	mutex sync.Mutex
	ended []run.Event
	// corrupt makes deploy upload a source that is not an archive.
	corrupt bool
	// begun is the number of builds that runs has waited for.
	begun int
}

// synthesize returns the program's app with another Dockerfile.
func (w *account) synthesize(dockerfile string) *template.App {
	w.Helper()
	dir, out := w.TempDir(), w.TempDir()
	require.NoError(w, os.Mkdir(filepath.Join(dir, "service"), 0o755))
	require.NoError(w, os.WriteFile(filepath.Join(dir, "service", "Dockerfile"), []byte(dockerfile), 0o600))
	require.NoError(w, os.WriteFile(filepath.Join(dir, "service", "text"), []byte("hello\n"), 0o600))
	command := exec.CommandContext(w.Context(), w.compiled)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "CDK_OUTDIR="+out, "CDK_VALIDATION=false"), w.environ(dir)...)
	printed, err := command.CombinedOutput()
	require.NoError(w, err, string(printed))
	app, err := template.Load(out)
	require.NoError(w, err)
	return app
}

// image returns the resource of the image in an app.
func (w *account) image(app *template.App) resource {
	w.Helper()
	all, err := app.Resources("Custom::LayercacheImage")
	require.NoError(w, err)
	require.Len(w, all, 1)
	return all[0]
}

// newAccount compiles the program, and synthesizes it with the Dockerfile.
func newAccount(t *testing.T, from program, dockerfile string) (*account, *template.App) {
	t.Helper()
	w := &account{T: t, program: from}
	w.compiled = filepath.Join(t.TempDir(), "app")
	compile := exec.CommandContext(t.Context(), "go", "build", "-o", w.compiled, w.source)
	compile.Dir = checkout.Dir()
	printed, err := compile.CombinedOutput()
	require.NoError(t, err, string(printed))
	app := w.synthesize(dockerfile)
	registries, err := run.Registries(app)
	require.NoError(t, err)
	w.aws, err = awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.aws.Close()) })
	w.registry, err = ecrhost.Start(ecrhost.Config{Dir: t.TempDir(), Registries: registries, Identify: run.Identify(w.aws)})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.registry.Close()) })
	project := w.project(app)
	w.user, err = w.aws.Config(t.Context(), project.Account, project.Region)
	require.NoError(t, err)

	tools, home := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(programs.Path(programs.Buildx), filepath.Join(tools, "buildx")))
	w.builds, err = run.Start(t.Context(), run.Config{
		AWS: w.aws, Registry: w.registry, Dir: t.TempDir(), Env: []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home},
		Ended: w.end,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.builds.Close()) })

	role, err := w.aws.Assume(t.Context(), w.functionRole(app), project.Region)
	require.NoError(t, err)
	environ, err := w.aws.EnvironOf(t.Context(), role)
	require.NoError(t, err)
	w.function, w.logged = startLambda(t, append(environ, "AWS_ENDPOINT_URL="+w.builds.Endpoint, "AWS_ENDPOINT_URL_ECR="+w.registry.Endpoint()))
	w.cfn = newCloudFormation(t)
	w.cfn.function, w.cfn.ended = w.function, func() int { return len(w.endedBuilds()) }
	return w, app
}

func (w *account) project(app *template.App) template.Project {
	w.Helper()
	projects, err := app.Projects()
	require.NoError(w, err)
	require.Len(w, projects, 1)
	return projects[0]
}

// functionRole returns the role of the function that starts builds.
func (w *account) functionRole(app *template.App) string {
	w.Helper()
	functions, err := app.Resources("AWS::Lambda::Function")
	if err != nil {
		// The other function has the image, which is not known yet.
		require.NoError(w, app.Answered("Shop", w.image(app).LogicalID, map[string]string{"ImageDigestHex": "unknown"}))
		functions, err = app.Resources("AWS::Lambda::Function")
	}
	require.NoError(w, err)
	for _, function := range functions {
		if function.Properties["Runtime"] == "provided.al2023" {
			return function.Properties["Role"].(string)
		}
	}
	require.Fail(w, "the stack has no function that starts builds")
	return ""
}

// end passes the end of a build on, as EventBridge does for the rule of the stack.
func (w *account) end(e run.Event) {
	w.mutex.Lock()
	w.ended = append(w.ended, e)
	w.mutex.Unlock()
	w.function.invoke(map[string]any{
		"source": "aws.codebuild", "detail-type": "CodeBuild Build State Change",
		"detail": map[string]any{"build-id": e.Build, "project-name": e.Project, "build-status": e.Status},
	})
}

// deploy makes the project of the app, uploads its sources, and sends the request of the image.
func (w *account) deploy(kind string, app *template.App, old map[string]any) string {
	w.Helper()
	project := w.project(app)
	_, err := codebuild.NewFromConfig(w.user).DeleteProject(w.Context(), &codebuild.DeleteProjectInput{Name: &project.Name})
	require.NoError(w, err)
	require.NoError(w, w.aws.CreateProject(w.Context(), project))
	for _, secondary := range project.SecondarySources {
		content, err := os.ReadFile(secondary.Path)
		require.NoError(w, err)
		w.upload(secondary.Location, content)
	}
	source := zipped(w.T, project.Source.Path)
	if w.corrupt {
		source = []byte("no archive")
	}
	w.upload(project.Source.Location, source)
	return w.cfn.request(kind, w.image(app), old)
}

func zipped(t *testing.T, dir string) []byte {
	t.Helper()
	var content bytes.Buffer
	archive := zip.NewWriter(&content)
	require.NoError(t, archive.AddFS(os.DirFS(dir)))
	require.NoError(t, archive.Close())
	return content.Bytes()
}

// upload writes an object to BUCKET/KEY. It creates the bucket if necessary, as `cdk bootstrap` does.
func (w *account) upload(location string, content []byte) {
	w.Helper()
	bucket, key, _ := strings.Cut(location, "/")
	client := s3.NewFromConfig(w.user, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(w.Context(), &s3.CreateBucketInput{
		Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(w.user.Region)},
	})
	var owned *types.BucketAlreadyOwnedByYou
	if !errors.As(err, &owned) {
		require.NoError(w, err)
	}
	_, err = client.PutObject(w.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content)})
	require.NoError(w, err)
}

// consumers returns the images of the function and the task in an app, for the attributes of an answer.
func (w *account) consumers(app *template.App, a answer) []string {
	w.Helper()
	require.NoError(w, app.Answered("Shop", w.image(app).LogicalID, a.Data))
	functions, err := app.Resources("AWS::Lambda::Function")
	require.NoError(w, err)
	var images []string
	for _, function := range functions {
		if uri, ok := function.Properties["Code"].(map[string]any)["ImageUri"].(string); ok {
			images = append(images, uri)
		}
	}
	tasks, err := app.Resources("AWS::ECS::TaskDefinition")
	require.NoError(w, err)
	for _, task := range tasks {
		images = append(images, task.Properties["ContainerDefinitions"].([]any)[0].(map[string]any)["Image"].(string))
	}
	return images
}

// started returns the number of builds that were started so far.
func (w *account) started() int { return len(w.aws.Started()) }

// endedBuilds returns the builds that have ended so far.
func (w *account) endedBuilds() []run.Event {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.ended)
}

// noTicket waits until the ticket of the project is removed.
func (w *account) noTicket(project string) {
	w.Helper()
	assert.Eventually(w, func() bool {
		_, err := ssm.NewFromConfig(w.user).GetParameter(w.Context(), &ssm.GetParameterInput{Name: aws.String("/layercache/ticket/" + project)})
		return err != nil
	}, time.Minute, 50*time.Millisecond, "the ticket of an ended build must be removed")
}

// TestTheStackIsDeployedChangedRolledBackAndDeleted starts 1, 1, 0, 1, 0 and 0 builds.
func TestTheStackIsDeployedChangedRolledBackAndDeleted(t *testing.T) {
	w, app := newAccount(t, example, first)
	project := w.project(app).Name
	digests := map[string]string{}

	t.Run("the first deployment builds the image, although the response URL fails twice", func(t *testing.T) {
		w.cfn.failures = 2
		id := w.deploy("Create", app, nil)
		got := w.cfn.wait(id, patience)
		require.Equal(t, "SUCCESS", got.Status, got.Reason)
		assert.Zero(t, got.ended, "the build answers before it ends, so that nobody waits for its end")
		assert.Contains(t, got.Reason, "cache cold")
		digests["first"] = got.Data["ImageDigest"]
		assert.Equal(t, 1, w.started())
		for _, uri := range w.consumers(app, got) {
			assert.True(t, strings.HasSuffix(uri, "@"+digests["first"]), uri)
		}
		w.noTicket(project)
		assert.Equal(t, 2, w.cfn.count(id), "the end of the build is answered too, which CloudFormation ignores")
	})

	changed := w.synthesize(second)
	t.Run("a changed source builds another image, from the cache", func(t *testing.T) {
		got := w.cfn.wait(w.deploy("Update", changed, w.image(app).Properties), patience)
		require.Equal(t, "SUCCESS", got.Status, got.Reason)
		assert.Contains(t, got.Reason, "cache partly used")
		digests["second"] = got.Data["ImageDigest"]
		assert.NotEqual(t, digests["first"], digests["second"])
		for _, uri := range w.consumers(changed, got) {
			assert.True(t, strings.HasSuffix(uri, "@"+digests["second"]), uri)
		}
		assert.Equal(t, 2, w.started())
		w.noTicket(project)
	})

	t.Run("an unchanged source builds nothing", func(t *testing.T) {
		again := w.image(w.synthesize(second))
		assert.Equal(t, w.image(changed).Properties, again.Properties, "CloudFormation sends no request for equal properties")
		got := w.cfn.wait(w.cfn.request("Update", again, w.image(changed).Properties), patience)
		require.Equal(t, "SUCCESS", got.Status, got.Reason)
		assert.Equal(t, digests["second"], got.Data["ImageDigest"])
		assert.Equal(t, 2, w.started())
	})

	broken := w.synthesize(failing)
	t.Run("a Dockerfile that fails makes the deployment fail, and says why", func(t *testing.T) {
		got := w.cfn.wait(w.deploy("Update", broken, w.image(changed).Properties), patience)
		assert.Equal(t, "FAILED", got.Status)
		for _, part := range []string{"failed: RUN echo compiling shop", "exit code: 3", "compiling shop", "shop.go:7: undefined", "cache ", "the build failed"} {
			assert.Contains(t, got.Reason, part)
		}
		assert.Equal(t, 3, w.started())
		w.noTicket(project)
	})

	t.Run("the rollback goes back to the image of before and builds nothing", func(t *testing.T) {
		got := w.cfn.wait(w.deploy("Update", changed, w.image(broken).Properties), patience)
		require.Equal(t, "SUCCESS", got.Status, got.Reason)
		assert.Equal(t, digests["second"], got.Data["ImageDigest"])
		assert.Equal(t, 3, w.started())
	})

	t.Run("the deletion builds nothing and keeps the image", func(t *testing.T) {
		got := w.cfn.wait(w.cfn.request("Delete", w.image(changed), nil), patience)
		assert.Equal(t, "SUCCESS", got.Status, got.Reason)
		assert.Equal(t, 3, w.started())
	})
	assert.Empty(t, w.function.errors())
	w.hidesSecrets()
}

func TestADeploymentThatDoesNotGetItsImage(t *testing.T) {
	w, app := newAccount(t, example, first)
	project := w.project(app).Name
	hanging := w.synthesize(endless)

	t.Run("a deletion stops the build that runs", func(t *testing.T) {
		w.deploy("Create", hanging, nil)
		w.runs()
		require.Equal(t, "SUCCESS", w.cfn.wait(w.cfn.request("Delete", w.image(hanging), nil), patience).Status)
		assert.Equal(t, "STOPPED", w.nextEnd(0).Status)
		w.noTicket(project)
	})

	t.Run("a build that is stopped in the console makes the deployment fail", func(t *testing.T) {
		id := w.deploy("Create", hanging, nil)
		w.runs()
		client := codebuild.NewFromConfig(w.user, func(o *codebuild.Options) { o.BaseEndpoint = &w.builds.Endpoint })
		_, err := client.StopBuild(t.Context(), &codebuild.StopBuildInput{Id: aws.String(w.builds.Last())})
		require.NoError(t, err)
		got := w.cfn.wait(id, patience)
		assert.Equal(t, "FAILED", got.Status)
		assert.Contains(t, got.Reason, "stopped")
		w.noTicket(project)
	})

	t.Run("a build that fails before the helper runs makes the deployment fail", func(t *testing.T) {
		w.corrupt = true
		got := w.cfn.wait(w.deploy("Create", app, nil), patience)
		w.corrupt = false
		assert.Equal(t, "FAILED", got.Status)
		assert.Contains(t, got.Reason, "ended with an internal error of CodeBuild\nPROVISIONING: ")
		w.noTicket(project)
	})

	t.Run("CloudFormation stops to wait, and its rollback stops the build", func(t *testing.T) {
		require.Equal(t, "SUCCESS", w.cfn.wait(w.deploy("Create", app, nil), patience).Status)
		w.noTicket(project)
		before, started := len(w.endedBuilds()), w.started()
		id := w.deploy("Update", hanging, w.image(app).Properties)
		w.runs()
		assert.Contains(t, w.cfn.wait(id, time.Second).Reason, "did not receive a response")
		got := w.cfn.wait(w.deploy("Update", app, w.image(hanging).Properties), patience)
		require.Equal(t, "SUCCESS", got.Status, got.Reason)
		assert.Equal(t, "no build: an earlier deployment built this image", got.Reason)
		assert.Equal(t, "STOPPED", w.nextEnd(before).Status)
		assert.Equal(t, started+1, w.started())
		assert.Equal(t, "FAILED", w.cfn.wait(id, patience).Status, "the late answer of the stopped build, which CloudFormation ignores")
	})
	assert.Empty(t, w.function.errors())
	w.hidesSecrets()
}

// runs waits until the last step of a new build runs.
func (w *account) runs() {
	w.Helper()
	w.begun++
	require.Eventually(w, func() bool { return strings.Count(w.logs(), "has-begun") >= w.begun }, patience, 200*time.Millisecond)
}

// logs returns the logs of all builds.
func (w *account) logs() string {
	client := cloudwatchlogs.NewFromConfig(w.user)
	groups, err := client.DescribeLogGroups(w.Context(), nil)
	if err != nil {
		return ""
	}
	var text strings.Builder
	for _, group := range groups.LogGroups {
		out, err := client.FilterLogEvents(w.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group.LogGroupName})
		if err != nil {
			return ""
		}
		for _, event := range out.Events {
			text.WriteString(aws.ToString(event.Message) + "\n")
		}
	}
	return text.String()
}

// nextEnd waits for the end of the build after a number of others.
func (w *account) nextEnd(after int) run.Event {
	w.Helper()
	require.Eventually(w, func() bool { return len(w.endedBuilds()) > after }, patience, 100*time.Millisecond)
	return w.endedBuilds()[after]
}

// hidesSecrets checks that no response URL is in the log of the function or of a build.
func (w *account) hidesSecrets() {
	w.Helper()
	logs := w.logs()
	require.Contains(w, logs, "layercache: answered the deployment that waits for this image")
	for _, secret := range w.cfn.secrets() {
		assert.NotContains(w, w.logged(), secret)
		assert.NotContains(w, logs, secret)
	}
}
