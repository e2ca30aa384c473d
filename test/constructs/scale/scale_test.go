// Package scale compares the synthesis of an app with a hundred image builds to that of an app with one, and
// synthesizes a configuration of a thousand.
package scale

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/test/kit/checkout"
	"github.com/layercache/layercache/test/kit/template"
)

// builds is the environment variable that makes the test binary a CDK app with that many builds, for the CDK
// CLI to run.
const builds = "LAYERCACHE_SCALE_BUILDS"

func TestMain(m *testing.M) {
	if count, err := strconv.Atoi(os.Getenv(configured)); err == nil {
		synthesizeConfiguration(count)
		os.Exit(0)
	}
	if count, err := strconv.Atoi(os.Getenv(builds)); err == nil {
		synthesize(count)
		jsii.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// perStack keeps a stack below CloudFormation's limit of 500 resources.
const perStack = 50

func synthesize(count int) {
	app := awscdk.NewApp(nil)
	var stack awscdk.Stack
	var cache *cacherepo.CacheRepository
	var bases *pullthrough.PullThroughCache
	for n := range count {
		if n%perStack == 0 {
			stack = awscdk.NewStack(app, jsii.String(fmt.Sprintf("Builds%d", n/perStack)), nil)
			cache = cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)
		}
		if bases == nil {
			bases = pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil)
		}
		imagebuild.NewImageBuild(stack, jsii.String(fmt.Sprintf("Build%d", n)), &imagebuild.ImageBuildProps{
			Source:      imagebuild.Source_Directory(jsii.String("shop"), nil),
			Cache:       cache,
			PullThrough: bases,
		})
	}
	app.Synth(nil)
}

// synthesis is one run of the app.
type synthesis struct {
	assembly string
	output   string
	took     time.Duration
}

func run(t *testing.T, count int) synthesis {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	cli := checkout.Path("node_modules/.bin/cdk")
	require.FileExists(t, cli, "the CDK CLI is missing: run the tests with `make test`, or `npm ci`")
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "shop"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop/Dockerfile"), []byte("FROM scratch\n"), 0o644))
	assembly := filepath.Join(dir, "cdk.out")
	command := exec.Command(cli, "synth", "--quiet", "--output", assembly, "--app", `"`+executable+`"`)
	command.Dir = dir
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d", builds, count), "CDK_VALIDATION=false")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	begin := time.Now()
	require.NoError(t, command.Run(), "%s", &output)
	return synthesis{assembly, output.String(), time.Since(begin)}
}

func TestAHundredBuildsShareOneHelperThatIsCompiledOnce(t *testing.T) {
	const hundred = 100
	run(t, 1) // fills the compile caches for the next runs
	one, last := run(t, 1), run(t, hundred)

	app, err := template.Load(last.assembly)
	require.NoError(t, err)
	projects, err := app.Projects()
	require.NoError(t, err)
	assert.Len(t, projects, hundred)
	helpers := map[string]bool{}
	for _, p := range projects {
		require.Len(t, p.SecondarySources, 1)
		helpers[p.SecondarySources[0].Path] = true
	}
	assert.Len(t, helpers, 1, "helper assets")
	assert.Equal(t, 1, strings.Count(last.output, "compiling the helper"), "compiles of the helper")
	assets, err := filepath.Glob(filepath.Join(last.assembly, "asset.*"))
	require.NoError(t, err)
	assert.Len(t, assets, 2, "the helper and the source")

	t.Logf("cdk synth of %d builds: %.1f s, of one: %.1f s, ratio %.2f", hundred, last.took.Seconds(), one.took.Seconds(), last.took.Seconds()/one.took.Seconds())
}
