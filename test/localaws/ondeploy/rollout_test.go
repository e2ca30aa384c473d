//go:build linux && !unit

package ondeploy_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/constructs/examples"
	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/template"
)

const (
	rollOutAccount, rollOutRegion = "111122223333", "eu-central-1"
	rollOutImage                  = rollOutAccount + ".dkr.ecr." + rollOutRegion + ".amazonaws.com/layercache/shop"
)

// rollOuts is an account with the services and functions of the example roll-out, and the function that rolls out.
type rollOuts struct {
	*testing.T
	config aws.Config
	// inputs are the templates of the rules' inputs, and projects the projects of their patterns.
	inputs, projects []string
	// digest is what the build exports.
	digest   string
	function *lambda
	logged   func() string
}

// synthesizeRollOut returns the example roll-out.
func synthesizeRollOut(t *testing.T) *template.App {
	t.Helper()
	all, err := examples.All()
	require.NoError(t, err)
	at := slices.IndexFunc(all, func(e examples.Example) bool { return e.Name == "roll-out" })
	project := t.TempDir()
	require.NoError(t, examples.WriteProject(project))
	t.Chdir(project)
	config, problems := stacks.ReadConfig(all[at].Config)
	require.Empty(t, problems)
	out := filepath.Join(project, "cdk.out")
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: &out})
	config.AddTo(app)
	app.Synth(nil)
	loaded, err := template.Load(out)
	require.NoError(t, err)
	return loaded
}

func newRollOuts(t *testing.T) *rollOuts {
	t.Helper()
	r := &rollOuts{T: t}
	rules, err := synthesizeRollOut(t).Resources("AWS::Events::Rule")
	require.NoError(t, err)
	for _, rule := range rules {
		target := rule.Properties["Targets"].([]any)[0].(map[string]any)
		r.inputs = append(r.inputs, target["InputTransformer"].(map[string]any)["InputTemplate"].(string))
		detail := rule.Properties["EventPattern"].(map[string]any)["detail"].(map[string]any)
		r.projects = append(r.projects, detail["project-name"].([]any)[0].(string))
	}
	server, err := awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	r.config, err = server.Config(t.Context(), rollOutAccount, rollOutRegion)
	require.NoError(t, err)
	builds := awsfake.Serve(t, map[string]awsfake.Answer{"BatchGetBuilds": func(input map[string]any) (map[string]any, error) {
		return map[string]any{"builds": []any{map[string]any{
			"id": input["ids"].([]any)[0], "buildStatus": "SUCCEEDED",
			"exportedEnvironmentVariables": []any{map[string]any{"name": "LAYERCACHE_IMAGE_DIGEST", "value": r.digest}},
		}}}, nil
	}})
	environ, err := server.EnvironOf(t.Context(), r.config)
	require.NoError(t, err)
	r.function, r.logged = startLambda(t, append(environ, "AWS_ENDPOINT_URL_CODEBUILD="+builds.URL))
	_, err = ecr.NewFromConfig(r.config).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String("layercache/shop")})
	require.NoError(t, err)
	return r
}

// push pushes an image under the tag latest and returns its digest.
func (r *rollOuts) push(label string) string {
	r.Helper()
	const config = `{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}`
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":` + config + `,"layers":[],"annotations":{"build":"` + label + `"}}`
	// moto takes the digest from the client.
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest)))
	_, err := ecr.NewFromConfig(r.config).PutImage(r.Context(), &ecr.PutImageInput{
		RepositoryName: aws.String("layercache/shop"), ImageTag: aws.String("latest"), ImageManifestMediaType: aws.String("application/vnd.oci.image.manifest.v1+json"),
		ImageManifest: &manifest, ImageDigest: &digest,
	})
	require.NoError(r, err)
	return digest
}

// makeConsumers makes the functions, the alias and the service of the example.
func (r *rollOuts) makeConsumers() {
	r.Helper()
	role, err := iam.NewFromConfig(r.config).CreateRole(r.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("Shop"), AssumeRolePolicyDocument: aws.String(`{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	require.NoError(r, err)
	functions := awslambda.NewFromConfig(r.config)
	for _, name := range []string{"shop-mails", "shop-api"} {
		_, err := functions.CreateFunction(r.Context(), &awslambda.CreateFunctionInput{
			FunctionName: &name, PackageType: types.PackageTypeImage, Role: role.Role.Arn, Code: &types.FunctionCode{ImageUri: aws.String(rollOutImage + ":latest")}, Publish: true,
		})
		require.NoError(r, err)
	}
	_, err = functions.CreateAlias(r.Context(), &awslambda.CreateAliasInput{FunctionName: aws.String("shop-api"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	require.NoError(r, err)
	services := ecs.NewFromConfig(r.config)
	_, err = services.CreateCluster(r.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("shops")})
	require.NoError(r, err)
	_, err = services.RegisterTaskDefinition(r.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("shop"), ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("shop"), Image: aws.String(rollOutImage + ":latest"), Memory: aws.Int32(64)}},
	})
	require.NoError(r, err)
	_, err = services.CreateService(r.Context(), &ecs.CreateServiceInput{Cluster: aws.String("shops"), ServiceName: aws.String("shop"), TaskDefinition: aws.String("shop"), DesiredCount: aws.Int32(1)})
	require.NoError(r, err)
}

// ends passes the end of a build to the function, once for each rule, as EventBridge does.
func (r *rollOuts) ends() {
	r.Helper()
	for i, input := range r.inputs {
		build, err := json.Marshal("arn:aws:codebuild:" + rollOutRegion + ":" + rollOutAccount + ":build/" + r.projects[i] + ":1")
		require.NoError(r, err)
		r.function.invoke(json.RawMessage(strings.Replace(input, "<build>", string(build), 1)))
	}
}

// state is what runs: the image of each function, the version of the alias, and the deployment of the service.
type state struct{ mails, api, live, deployment string }

func (r *rollOuts) state() state {
	r.Helper()
	functions := awslambda.NewFromConfig(r.config)
	image := func(name string) string {
		out, err := functions.GetFunction(r.Context(), &awslambda.GetFunctionInput{FunctionName: &name})
		require.NoError(r, err)
		return aws.ToString(out.Code.ImageUri)
	}
	alias, err := functions.GetAlias(r.Context(), &awslambda.GetAliasInput{FunctionName: aws.String("shop-api"), Name: aws.String("live")})
	require.NoError(r, err)
	out, err := ecs.NewFromConfig(r.config).DescribeServices(r.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("shops"), Services: []string{"shop"}})
	require.NoError(r, err)
	return state{image("shop-mails"), image("shop-api"), aws.ToString(alias.FunctionVersion), aws.ToString(out.Services[0].Deployments[0].Id)}
}

// count returns how often the log has the text.
func (r *rollOuts) count(text string) int { return strings.Count(r.logged(), text) }

// TestAnImageReachesWhatRunsIt runs the program of the function with the events of the synthesized rules against
// moto's Lambda, ECS and ECR.
func TestAnImageReachesWhatRunsIt(t *testing.T) {
	r := newRollOuts(t)
	require.Len(t, r.inputs, 3)
	for _, project := range r.projects {
		assert.NotContains(t, project, "PullRequest", "builds of pull requests are not rolled out")
	}

	r.digest = r.push("first")
	r.ends()
	require.Eventually(t, func() bool { return len(r.function.errors()) == len(r.inputs)*maxAttempts }, time.Minute, 50*time.Millisecond,
		"nothing is there yet to roll out to: each event is tried three times")
	for _, failed := range r.function.errors() {
		assert.Contains(t, failed, "image "+r.digest+" is not rolled out to ")
	}

	r.makeConsumers()
	before := r.state()
	r.digest = r.push("second")
	r.ends()
	require.Eventually(t, func() bool { return r.count("rolled out image "+r.digest) == len(r.inputs) }, time.Minute, 50*time.Millisecond)
	after := r.state()
	assert.Equal(t, rollOutImage+"@"+r.digest, after.mails)
	assert.Equal(t, rollOutImage+"@"+r.digest, after.api)
	assert.Equal(t, []string{"1", "2"}, []string{before.live, after.live})
	assert.NotEqual(t, before.deployment, after.deployment)

	r.push("third, by another build")
	r.ends()
	require.Eventually(t, func() bool { return r.count("nothing to roll out to") == len(r.inputs) }, time.Minute, 50*time.Millisecond)
	assert.Equal(t, after, r.state(), "a later build has moved the tag, and rolls out itself")
	assert.Len(t, r.function.errors(), len(r.inputs)*maxAttempts, "no further error")
}
