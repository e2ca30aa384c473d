package scale

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/cdkprocess"
	"github.com/layercache/layercache/stacks"
)

// configured is the environment variable that makes the test binary the app of a configuration with that many
// builds.
const configured = "LAYERCACHE_SCALE_CONFIGURED"

// synthesizeConfiguration does what bin/app does.
func synthesizeConfiguration(count int) {
	config := &stacks.Config{}
	for n := range count {
		config.Builds = append(config.Builds, stacks.BuildConfig{
			Name: fmt.Sprintf("service-%d", n), Source: stacks.SourceConfig{GitHub: "acme/services"}, HelperZip: "helper.zip",
		})
	}
	problems := config.Validate()
	if len(problems) == 0 {
		if err := cdkprocess.SkipTemplateCheck(); err != nil {
			panic(err)
		}
		app := awscdk.NewApp(nil)
		stacks.LeaveLimitsToCheck(app)
		var err error
		problems, err = config.AddTo(app).CheckLimits(app.Synth(nil))
		if err != nil {
			panic(err)
		}
		cdkprocess.CloseAtExit()
	}
	if len(problems) > 0 {
		fmt.Println(problems)
		os.Exit(1)
	}
}

// configuredBuilds is the number of builds in the test. 1,000 builds take one to four minutes.
var configuredBuilds = flag.Int("builds", 150, "number of builds in the configuration")

// deployed is a template with what a deployment limits or must be unique.
type deployed struct {
	Resources map[string]struct {
		Type       string
		Properties map[string]any
	}
	Outputs map[string]any
}

func TestManyBuildsAreSpreadOverStacksWithinTheLimits(t *testing.T) {
	count := *configuredBuilds
	executable, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "helper.zip"), []byte("helper"), 0o600))
	assembly := filepath.Join(dir, "cdk.out")
	command := exec.Command(executable)
	command.Dir = dir
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d", configured, count), "CDK_OUTDIR="+assembly)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	begin := time.Now()
	require.NoError(t, command.Run(), "%s", &output)
	took := time.Since(begin)

	files, err := filepath.Glob(filepath.Join(assembly, "*.template.json"))
	require.NoError(t, err)
	types, images, largest := map[string]int{}, map[string]bool{}, int64(0)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var template deployed
		require.NoError(t, json.Unmarshal(text, &template))
		assert.LessOrEqual(t, len(template.Resources), 500, file)
		assert.LessOrEqual(t, len(template.Outputs), 200, file)
		assert.LessOrEqual(t, len(text), 1<<20, file)
		assert.NotContains(t, string(text), "Fn::ImportValue", file)
		largest = max(largest, int64(len(text)))
		for _, resource := range template.Resources {
			types[resource.Type]++
			if name, ok := resource.Properties["RepositoryName"].(string); ok && !strings.HasPrefix(name, "layercache/cache/") {
				assert.False(t, images[name], "%s is created twice", name)
				images[name] = true
			}
		}
	}
	assert.Len(t, images, count)
	assert.Equal(t, count, types["AWS::CodeBuild::Project"])
	assert.Equal(t, 3, types["AWS::ECR::PullThroughCacheRule"], "each prefix exists once in an account and region")
	spread := 16
	if count > 400 {
		spread = 64
	}
	assert.Len(t, files, spread+2, "those with builds, the shared one and the caches")

	usage := command.ProcessState.SysUsage().(*syscall.Rusage)
	// Maxrss is in kilobytes on Linux.
	t.Logf("synthesis of %d builds: %.0f s, %.0f s of CPU, %d MB in the largest process, %d stacks, largest template %d kB",
		count, took.Seconds(), (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Seconds(), usage.Maxrss/1024, len(files), largest/1000)
}
