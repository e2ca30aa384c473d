//go:build linux

package poison

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/deployment/function"
	"github.com/layercache/layercache/internal/variables"
)

// taken is what a deployment does: it takes an image that has its tag, or starts a build.
type taken struct {
	// digest is that of the image; empty if a build was started, which tag is given to.
	digest, tag string
}

// deploys sends the function of the stack a request to create the image, with the properties of the template. ECR
// answers the function by its policies.
func (w *running) deploys() (got taken) {
	w.t.Helper()
	var answer deployment.Answer
	response := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.NoError(w.t, json.NewDecoder(r.Body).Decode(&answer))
	}))
	defer response.Close()
	missing := awsfake.Fails(awsfake.Error{Code: "ParameterNotFound", Message: "no ticket"})
	others := awsfake.Serve(w.t, map[string]awsfake.Answer{
		"GetParameter": missing, "DeleteParameter": missing, "PutParameter": awsfake.Gives(map[string]any{}),
		"StartBuild": awsfake.Gives(map[string]any{"build": map[string]any{"id": w.release.Name + ":1"}}),
	})
	registry, err := url.Parse(w.aws.Endpoint())
	require.NoError(w.t, err)
	ecr := httputil.NewSingleHostReverseProxy(registry)
	api := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonEC2ContainerRegistry") {
			ecr.ServeHTTP(answer, r)
			return
		}
		others.ServeHTTP(answer, r)
	}))
	defer api.Close()
	f := function.New(aws.Config{
		Region: w.release.Region, BaseEndpoint: &api.URL, Credentials: credentials.NewStaticCredentialsProvider(functionKey, "secret", "session"),
	}, deployment.Sender{}, log.New(io.Discard, "", 0))
	request, err := json.Marshal(map[string]any{
		"RequestType": "Create", "RequestId": "1", "StackId": "stack", "LogicalResourceId": w.deployed.LogicalID, "ResponseURL": response.URL,
		"ResourceProperties": w.deployed.Properties,
	})
	require.NoError(w.t, err)
	require.NoError(w.t, f.Handle(w.t.Context(), request))
	if answer.Status != "" {
		require.Equal(w.t, "SUCCESS", answer.Status, answer.Reason)
		return taken{digest: answer.Data[deployment.DigestAttribute], tag: answer.Data[deployment.TagAttribute]}
	}
	started := others.Calls("StartBuild")
	require.Len(w.t, started, 1)
	for _, variable := range started[0]["environmentVariablesOverride"].([]any) {
		if override := variable.(map[string]any); override["name"] == "LAYERCACHE_TAGS" {
			tags := strings.Split(override["value"].(string), ",")
			got.tag = tags[len(tags)-1]
		}
	}
	require.NotEmpty(w.t, got.tag)
	return got
}

// ownBuild checks that a deployment starts its own build, and returns the tag of its image.
func (w *running) ownBuild() string {
	w.t.Helper()
	got := w.deploys()
	require.Empty(w.t, got.digest, "the deployment must not take an image that no deployment has built")
	return got.tag
}

// deploymentAttempts are the attempts to give a deployment another image.
var deploymentAttempts = []attempt{
	{"the policies refuse an image at the tag of the next deployment", func(w *running) {
		tag := w.ownBuild()
		w.refuses(w.image, remote.Write(w.ref(w.image, tag), w.evilBase(), w.as(w.pullRequest)...))
		got := w.proposes(first, map[string]string{
			"LAYERCACHE_MODE": variables.ModeOff, "LAYERCACHE_PUSH": "true", "LAYERCACHE_IMAGE": w.image, "LAYERCACHE_TAGS": tag,
		})
		assert.NotZero(w.t, got.exitCode, "the refused push must fail the attacker's build")
		w.ownBuild()
	}, first},
	{"a branch with the name of a deployment's tag is not built", func(w *running) {
		tag := w.ownBuild()
		for _, branch := range []string{tag, tag + "-linux-amd64"} {
			got := w.run(build{w.release, source{"Dockerfile": dockerfile, "src.txt": "other\n"}, map[string]string{
				"CODEBUILD_WEBHOOK_TRIGGER": "branch/" + branch, "LAYERCACHE_TAGS": "latest,{branch}",
			}})
			assert.NotZero(w.t, got.exitCode, got.log)
			assert.Contains(w.t, got.log, "tags of this form belong to deployments")
		}
		w.ownBuild()
	}, first},
}

// deploymentGuards show what these attempts do without their guard.
var deploymentGuards = []guard{
	{"a pull request that may push images of releases decides what the next deployment takes", pushesImages, func(w *running) {
		w.begin()
		tag := w.ownBuild()
		got := w.proposes(poisoned, map[string]string{
			"LAYERCACHE_MODE": variables.ModeOff, "LAYERCACHE_PUSH": "true", "LAYERCACHE_IMAGE": w.image, "LAYERCACHE_TAGS": "latest," + tag,
		})
		require.Zero(w.t, got.exitCode, got.log)
		assert.Equal(w.t, poisoned, w.program(), got.log)
		assert.Equal(w.t, taken{got.Image, tag}, w.deploys())
	}},
	{"a branch that gets the tag of a deployment decides what the next one takes", "", func(w *running) {
		tag := w.ownBuild()
		got := w.releases(poisoned, "CODEBUILD_WEBHOOK_TRIGGER", "branch/fix", "LAYERCACHE_MODE", variables.ModeOff, "LAYERCACHE_TAGS", tag)
		assert.Equal(w.t, taken{got.Image, tag}, w.deploys())
	}},
}

// thing is something of AWS that a deployment uses, or that is like it.
type thing struct {
	name, arn string
	// actions are those that are tried.
	actions []string
	// release and function are the actions that the role of release builds and that of the function may take.
	release, function []string
}

var (
	onTickets  = []string{"ssm:GetParameters", "ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter", "ssm:DeleteParameter"}
	onProjects = []string{
		"codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds", "codebuild:StartBuildBatch", "codebuild:StopBuildBatch",
		"codebuild:RetryBuild", "codebuild:UpdateProject", "codebuild:BatchDeleteBuilds",
	}
	onImages   = slices.Concat(pulls, pushes, []string{"ecr:DescribeImages", "ecr:BatchDeleteImage", "ecr:PutImageTagMutability", "ecr:SetRepositoryPolicy"})
	onFunction = []string{"lambda:InvokeFunction", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:AddPermission"}
	onRules    = []string{"events:PutRule", "events:PutTargets", "events:DisableRule", "events:DeleteRule"}
	onRoles    = []string{"iam:PassRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"}
)

// things are what decides which image a deployment takes.
func (d environment) things(t *testing.T) []thing {
	t.Helper()
	in := func(service, resource string) string {
		return "arn:aws:" + service + ":" + d.release.Region + ":" + d.release.Account + ":" + resource
	}
	ticket := func(project string) string { return in("ssm", "parameter"+deployment.ParameterOf(project)) }
	_, image, _ := strings.Cut(d.repositories().image, "/")
	rule := d.resource(t, "AWS::Events::Rule").Name
	return []thing{
		{
			"the ticket", ticket(d.release.Name), onTickets,
			[]string{"ssm:GetParameters"}, []string{"ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"},
		},
		{"a ticket of pull requests' builds", ticket(d.pullRequest.Name), onTickets, nil, nil},
		{"the ticket of another project", ticket("other"), onTickets, nil, nil},
		{"a ticket with a longer name", ticket(d.release.Name + "-2"), onTickets, nil, nil},
		{"the project", in("codebuild", "project/"+d.release.Name), onProjects, nil, []string{"codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds"}},
		{"the project of pull requests", in("codebuild", "project/"+d.pullRequest.Name), onProjects, nil, nil},
		{"another project", in("codebuild", "project/other"), onProjects, nil, nil},
		{"the image repository", in("ecr", "repository/"+image), onImages, slices.Concat(pulls, pushes), []string{"ecr:DescribeImages"}},
		{"another repository", in("ecr", "repository/"+image+"2"), onImages, nil, nil},
		{"the function", d.deployed.Properties["ServiceToken"].(string), onFunction, nil, nil},
		{"the rule for the end of builds", in("events", "rule/"+rule), onRules, nil, nil},
		{"the bus of events", in("events", "event-bus/default"), []string{"events:PutEvents"}, nil, nil},
		{"the role of the function", d.function, onRoles, nil, nil},
		{"the role of releases", d.release.ServiceRole, onRoles, nil, nil},
	}
}

// may reports whether the role is meant to be allowed the action.
func (d environment) may(role string, on thing, action string) bool {
	switch role {
	case d.release.ServiceRole:
		return slices.Contains(on.release, action)
	case d.function:
		return slices.Contains(on.function, action)
	}
	return false
}

// decides checks who may do what with the things that decide which image a deployment takes. Each refused action is
// allowed by a statement for it, which shows that the question is a real one.
func (d environment) decides(t *testing.T) {
	b := &batch{Mutants: []mutant{}, identity: map[string][]int{}}
	var names []string
	var want []bool
	for _, role := range []string{d.pullRequest.ServiceRole, d.release.ServiceRole, d.function} {
		b.addIdentity(t, d.app, role)
		for _, on := range d.things(t) {
			for _, action := range on.actions {
				names, want = append(names, role+": "+action+" on "+on.name), append(want, d.may(role, on, action))
				b.Questions = append(b.Questions, question{
					Principal: role, Action: action, Resource: on.arn, Account: d.release.Account, Context: contextOf(role), Identity: b.identity[role],
				})
			}
		}
	}
	var refused []int
	for place, allowed := range want {
		if allowed {
			continue
		}
		q := b.Questions[place]
		wider := with(b.Policies[q.Identity[0]], map[string]any{"Effect": "Allow", "Action": q.Action, "Resource": q.Resource})
		b.Mutants = append(b.Mutants, mutant{Documents: map[int]any{q.Identity[0]: wider}, Questions: []int{place}})
		refused = append(refused, place)
	}
	got := b.simulate(t)
	for place, name := range names {
		assert.Equal(t, want[place], got.Answers[place].Allowed, name)
	}
	for i, place := range refused {
		assert.True(t, got.Mutants[i][place].Allowed, "%s, with a statement that allows it", names[place])
	}
}
