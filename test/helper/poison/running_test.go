//go:build linux

package poison

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/kit/localecr"
	"github.com/layercache/layercache/test/kit/programs"
	"github.com/layercache/layercache/test/kit/template"
	"github.com/layercache/layercache/test/localaws/run"
)

func TestMain(m *testing.M) {
	programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx)
}

const base = "public.ecr.aws/docker/library/busybox:1.37"

// dockerfile gives the same image in every build, because the file that the step writes has a fixed time. The
// step uses the files in its cache mount, as package managers do.
const dockerfile = `FROM ` + base + ` AS build
WORKDIR /app
COPY src.txt .
RUN --mount=type=cache,id=deps,target=/deps echo release > /deps/.release; /bin/cat src.txt > program; cat /deps/* >> program 2>/dev/null; touch -d '1970-01-02 00:00:00' program
FROM scratch
COPY --from=build --link /app/program /program
`

// environment is the example's templates, the requests that they allow, and the registries that they create.
type environment struct {
	app
	doors
	registries map[string]ecrhost.Registry
}

// running is a deployment with its registries.
type running struct {
	t *testing.T
	environment
	aws *ecrhost.Server
	// The repositories of the releases' images, of the caches and of the base image, each as HOST/NAME.
	image, cache, prCache, mirror string
	// tag is the tag of the release's cache.
	tag string
}

// The access keys of the sessions of the two projects and of the function.
const (
	releaseKey     = "ASIARELEASE"
	pullRequestKey = "ASIAPULLREQUEST"
	functionKey    = "ASIAFUNCTION"
)

// start starts a deployment with the synthesized policies, or with a widening of them.
func (d environment) start(t *testing.T, widening string) *running {
	t.Helper()
	allowed := d.asSynthesized
	if widening != "" {
		allowed = d.widened[widening]
		require.NotEmpty(t, allowed)
	}
	started, err := ecrhost.Start(ecrhost.Config{
		Dir: t.TempDir(), Registries: d.registries,
		Allow: func(ask ecrhost.Ask) bool { return allowed[ask] },
		Identify: func(_ context.Context, key string) (string, bool) {
			principal, ok := map[string]string{releaseKey: session(d.release.ServiceRole), pullRequestKey: session(d.pullRequest.ServiceRole), functionKey: session(d.function)}[key]
			return principal, ok
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, started.Close()) })
	w := d.repositories()
	w.t, w.aws = t, started
	return w
}

// repositories returns a deployment with the repositories in the variables of the builds.
func (d environment) repositories() *running {
	w := &running{environment: d, image: d.release.Value("LAYERCACHE_IMAGE"), cache: d.release.Value("LAYERCACHE_REPOSITORY")}
	w.prCache = d.pullRequest.Value("LAYERCACHE_REPOSITORY")
	for mirror := range strings.SplitSeq(d.release.Value("LAYERCACHE_MIRRORS"), ",") {
		if place, ok := strings.CutPrefix(mirror, "public.ecr.aws="); ok {
			w.mirror = place + "/docker/library/busybox"
		}
	}
	return w
}

// newEnvironment synthesizes the example and evaluates its policies.
func newEnvironment(t *testing.T) environment {
	t.Helper()
	d := environment{app: synthesize(t)}
	var err error
	d.registries, err = run.Registries(d.App)
	require.NoError(t, err)
	for host, registry := range d.registries {
		registry.Principals = nil
		d.registries[host] = registry
	}
	w := d.repositories()
	planted, _, _ := strings.Cut(w.mirror, "/docker/")
	d.doors = newDoors(t, d.app, []string{w.image, w.cache, w.prCache, w.mirror, planted + "/" + unclaimed}, map[string]widening{
		pushesToCache: {d.pullRequest.ServiceRole, w.cache, slices.Concat(pushes, pulls)},
		pushesBases:   {d.pullRequest.ServiceRole, w.mirror, slices.Concat(pushes, pulls)},
		pushesImages:  {d.pullRequest.ServiceRole, w.image, slices.Concat(pushes, pulls)},
		readsPRCache:  {d.release.ServiceRole, w.prCache, pulls},
	})
	return d
}

// source holds the files of a build by name.
type source map[string]string

// build is a build of a project.
type build struct {
	project template.Project
	source  source
	// env overrides the project's variables.
	env map[string]string
}

// outcome is the result of a build.
type outcome struct {
	*report.Report
	exitCode int
	log      string
}

// run runs `layercache image`, as the project's buildspec does, on a separate builder.
func (w *running) run(b build) outcome {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	dir, home := w.t.TempDir(), w.t.TempDir()
	for file, content := range b.source {
		require.NoError(w.t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644))
	}
	cmd := w.aws.Command(ctx, programs.Path(programs.Bundled), "image")
	cmd.Dir = dir
	key := pullRequestKey
	if b.project.Name == w.release.Name {
		key = releaseKey
	}
	cmd.Env = append(w.aws.Environ(), "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=session",
		"AWS_REGION="+b.project.Region, "TMPDIR="+home, "HOME="+home, "PATH="+os.Getenv("PATH"), "SOURCE_DATE_EPOCH=0",
		"CODEBUILD_RESOLVED_SOURCE_VERSION=1111111111111111111111111111111111111111")
	for _, variable := range b.project.Environment {
		cmd.Env = append(cmd.Env, variable.Name+"="+variable.Value)
	}
	reports := filepath.Join(home, "report")
	cmd.Env = append(cmd.Env, "LAYERCACHE_METRICS_NAMESPACE=", "LAYERCACHE_REPORT_DIR="+reports)
	for variable, value := range b.env {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	_ = cmd.Run()
	require.NoError(w.t, ctx.Err(), log.String())
	got := outcome{exitCode: cmd.ProcessState.ExitCode(), log: log.String()}
	got.Report, _ = report.Read(filepath.Join(reports, report.File))
	return got
}

// releases builds the branch main as a release, which must succeed.
func (w *running) releases(text string, env ...string) outcome {
	w.t.Helper()
	settings := map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "branch/main"}
	for i := 0; i < len(env); i += 2 {
		settings[env[i]] = env[i+1]
	}
	got := w.run(build{w.release, source{"Dockerfile": dockerfile, "src.txt": text}, settings})
	require.Zero(w.t, got.exitCode, got.log)
	require.NotNil(w.t, got.Report, got.log)
	return got
}

// proposes builds a pull request.
func (w *running) proposes(text string, env map[string]string) outcome {
	w.t.Helper()
	if env["CODEBUILD_WEBHOOK_TRIGGER"] == "" {
		env["CODEBUILD_WEBHOOK_TRIGGER"] = "pr/7"
	}
	return w.run(build{w.pullRequest, source{"Dockerfile": dockerfile, "src.txt": text}, env})
}

// firstPull builds a pull request whose base image was never pulled before. The upstream of the pull-through
// cache is a registry on this machine.
func (w *running) firstPull() {
	w.t.Helper()
	upstream, err := localecr.Start(localecr.Config{Dir: w.t.TempDir(), Upstreams: map[string]string{"docker": "public.ecr.aws/docker"}})
	require.NoError(w.t, err)
	defer func() { assert.NoError(w.t, upstream.Close()) }()
	place, _, _ := strings.Cut(w.mirror, "/docker/")
	got := w.run(build{
		w.pullRequest,
		source{"Dockerfile": strings.Replace(dockerfile, "public.ecr.aws", upstream.Addr(), 1), "src.txt": first},
		map[string]string{"CODEBUILD_WEBHOOK_TRIGGER": "pr/7", "LAYERCACHE_MIRRORS": upstream.Addr() + "=" + place},
	})
	assert.Zero(w.t, got.exitCode, got.log)
	requests := strings.Join(w.requests(w.pullRequest, w.mirror), "\n")
	assert.Contains(w.t, requests, "/manifests/1.37 403", "the build must ask the mirror first, and ECR must refuse")
	assert.NotContains(w.t, requests, " 200", "the whole image must come from the upstream")
}

// ref returns the reference to a tag of a repository, HOST/NAME.
func (w *running) ref(repository, tag string) name.Reference {
	w.t.Helper()
	ref, err := name.ParseReference(repository + ":" + tag)
	require.NoError(w.t, err)
	return ref
}

// as returns the options for requests of a project's session.
func (w *running) as(p template.Project) []remote.Option {
	auth := &authn.Basic{Username: "AWS", Password: w.aws.Token(session(p.ServiceRole), time.Hour)}
	return []remote.Option{remote.WithTransport(w.aws.Transport()), remote.WithAuth(auth), remote.WithContext(w.t.Context())}
}

// read returns an image, read with the release's role.
func (w *running) read(repository, tag string) v1.Image {
	w.t.Helper()
	image, err := remote.Image(w.ref(repository, tag), append(w.as(w.release), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))...)
	require.NoError(w.t, err)
	return image
}

// released returns the digest of the config of the release's image. The config lists the uncompressed layers,
// so equal digests mean equal content.
func (w *running) released(tag string) string {
	w.t.Helper()
	digest, err := w.read(w.image, tag).ConfigName()
	require.NoError(w.t, err)
	return digest.String()
}

// mountTag returns the tag of the archive of the Dockerfile's cache mount in the cache of the release's branch.
func (w *running) mountTag() string { return cache.MountRef(w.tag, cachemount.Name("deps")) }

// digest returns the digest of a tag in the release's cache.
func (w *running) digest(tag string) string {
	w.t.Helper()
	got, err := remote.Get(w.ref(w.cache, tag), w.as(w.release)...)
	require.NoError(w.t, err)
	return got.Digest.String()
}

// requests returns the requests of a project's builds to a repository, as METHOD PATH STATUS.
func (w *running) requests(p template.Project, repository string) []string {
	host, name, _ := strings.Cut(repository, "/")
	var found []string
	for _, request := range w.aws.Requests() {
		if request.Host == host && strings.HasPrefix(request.Path, "/v2/"+name+"/") && request.Principal == session(p.ServiceRole) {
			found = append(found, fmt.Sprintf("%s %s %d", request.Method, request.Path, request.Status))
		}
	}
	return found
}
