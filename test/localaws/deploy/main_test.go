package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/synthtest"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/constructs/examples"
	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/checkout"
	"github.com/layercache/layercache/test/kit/template"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

const region = "eu-central-1"

// config returns the configuration of an example and its builds, which a test may change.
func config(t *testing.T, name string) (config map[string]any, builds []any) {
	t.Helper()
	all, err := examples.All()
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(e examples.Example) bool { return e.Name == name })
	require.GreaterOrEqual(t, i, 0, "example %s", name)
	return all[i].Config, all[i].Config["builds"].([]any)
}

// project creates a folder with the files that the examples name, and makes it the working directory.
func project(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, examples.WriteProject(dir))
	t.Chdir(dir)
}

// synth writes the cloud assembly of a configuration, and returns its folder.
func synth(t *testing.T, given map[string]any) string {
	t.Helper()
	config, problems := stacks.ReadConfig(given)
	require.Empty(t, problems)
	assembly := filepath.Join(t.TempDir(), "cdk.out")
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: new(bool), Outdir: jsii.String(assembly)})
	config.AddTo(app)
	app.Synth(nil)
	return assembly
}

// place is an account of a running local AWS in a test.
type place struct {
	*testing.T
	aws    *awslocal.Server
	config aws.Config
}

// start starts a local AWS for the test.
func start(t *testing.T) *awslocal.Server {
	t.Helper()
	server, err := awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}

// in returns an account of a running local AWS, with its administrator's credentials.
func in(t *testing.T, server *awslocal.Server, account string) place {
	t.Helper()
	config, err := server.Config(t.Context(), account, region)
	require.NoError(t, err)
	return place{t, server, config}
}

// cdk returns the CDK's command line for the administrator.
func (p place) cdk(assembly string) *awslocal.CDK {
	p.Helper()
	cdk, err := p.aws.CDK(p.Context(), p.config, checkout.Dir(), assembly)
	require.NoError(p, err)
	return cdk
}

// must runs a command of the CDK, which must succeed, and returns its output.
func must(t *testing.T, command func(context.Context) (string, error)) string {
	t.Helper()
	output, err := command(t.Context())
	require.NoError(t, err)
	return output
}

// stack returns a stack of the account.
func (p place) stack(name string) awslocal.Stack {
	p.Helper()
	stack, err := p.aws.Stack(p.Context(), p.config, name)
	require.NoError(p, err)
	return stack
}

// repositories returns the creation times of the account's repositories by name, without the one that `cdk
// bootstrap` creates.
func (p place) repositories() map[string]string {
	p.Helper()
	out, err := ecr.NewFromConfig(p.config).DescribeRepositories(p.Context(), nil)
	require.NoError(p, err)
	found := map[string]string{}
	for _, repository := range out.Repositories {
		if !strings.HasPrefix(*repository.RepositoryName, "cdk-") {
			found[*repository.RepositoryName] = repository.CreatedAt.String()
		}
	}
	return found
}

// object returns the content of s3://LOCATION.
func (p place) object(location string) string {
	p.Helper()
	bucket, key, _ := strings.Cut(location, "/")
	client := s3.NewFromConfig(p.config, func(o *s3.Options) { o.UsePathStyle = true })
	out, err := client.GetObject(p.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	require.NoError(p, err, location)
	content, err := io.ReadAll(out.Body)
	require.NoError(p, err)
	return string(content)
}

// ignoredTypes returns the types of the stack's resources that moto's CloudFormation has not created.
func ignoredTypes(t *testing.T, assembly string, stack awslocal.Stack) []string {
	t.Helper()
	var types []string
	for id, kind := range resourceTypes(t, filepath.Join(assembly, stack.Name+".template.json")) {
		if stack.PhysicalIDs[id] == "" && !slices.Contains(types, kind) {
			types = append(types, kind)
		}
	}
	slices.Sort(types)
	return types
}

// resourceTypes returns the types of a template's resources by logical id.
func resourceTypes(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var read struct {
		Resources map[string]struct{ Type string }
	}
	require.NoError(t, json.Unmarshal(content, &read))
	types := map[string]string{}
	for id, resource := range read.Resources {
		types[id] = resource.Type
	}
	return types
}

// loaded returns the app of the assembly with its deployed stacks.
func loaded(t *testing.T, assembly string, deployed ...awslocal.Stack) *template.App {
	t.Helper()
	app, err := template.Load(assembly)
	require.NoError(t, err)
	for _, stack := range deployed {
		require.NoError(t, app.Deployed(stack.Name, stack.PhysicalIDs))
	}
	return app
}

// text returns v as JSON.
func text(t *testing.T, v any) string {
	t.Helper()
	written, err := json.Marshal(v)
	require.NoError(t, err)
	return string(written)
}
