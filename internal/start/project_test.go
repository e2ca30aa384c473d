package start

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
)

// projectWith returns a project with the variables, NAME=VALUE, in the form of CodeBuild's API.
func projectWith(name string, variables ...string) map[string]any {
	var environment []any
	for _, v := range variables {
		key, value, _ := strings.Cut(v, "=")
		environment = append(environment, map[string]any{"name": key, "value": value, "type": "PLAINTEXT"})
	}
	return map[string]any{"name": name, "environment": map[string]any{
		"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL", "environmentVariables": environment,
	}}
}

// image returns the variable with the image repository.
func image(name string) string {
	return "LAYERCACHE_IMAGE=111122223333.dkr.ecr.eu-west-1.amazonaws.com/" + name
}

// withBatch makes the project one for batches.
func withBatch(project map[string]any) map[string]any {
	project["buildBatchConfig"] = map[string]any{"serviceRole": "role"}
	return project
}

// withEvents gives the project a webhook for the events.
func withEvents(project map[string]any, events ...string) map[string]any {
	var groups []any
	for _, event := range events {
		groups = append(groups, []any{
			map[string]any{"type": "EVENT", "pattern": event}, map[string]any{"type": "HEAD_REF", "pattern": "^refs/heads/main$"},
		})
	}
	project["webhook"] = map[string]any{"filterGroups": groups}
	return project
}

// account returns the answers of CodeBuild for an account with the projects.
func account(projects ...map[string]any) map[string]awsfake.Answer {
	answers := startable()
	answers["ListProjects"] = func(map[string]any) (map[string]any, error) {
		var names []any
		for _, p := range projects {
			names = append(names, p["name"])
		}
		return map[string]any{"projects": names}, nil
	}
	answers["BatchGetProjects"] = func(input map[string]any) (map[string]any, error) {
		found := []any{}
		for _, name := range input["names"].([]any) {
			for _, p := range projects {
				if p["name"] == name {
					found = append(found, p)
				}
			}
		}
		return map[string]any{"projects": found}, nil
	}
	answers["StartBuildBatch"] = awsfake.Gives(map[string]any{"buildBatch": map[string]any{"id": id, "arn": "arn"}})
	return answers
}

func TestAProjectIsFoundByTheNameOfItsBuild(t *testing.T) {
	release := projectWith("Shop1", image("layercache/shop"), "LAYERCACHE_APP=storefront", "LAYERCACHE_PUSH=true")
	unpushed := projectWith("Shop2", image("layercache/shop"), "LAYERCACHE_APP=storefront", "LAYERCACHE_PUSH=false")
	pullRequests := withEvents(projectWith("Shop3", image("pulls/shop"), "LAYERCACHE_PUSH=true"), "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED")
	both := withEvents(projectWith("Both", image("both")), "PUSH", "PULL_REQUEST_CREATED")
	plain := map[string]any{"name": "plain"}
	cases := []struct {
		name, typed string
		projects    []map[string]any
		started     string
	}{
		{"the name of its image repository", "layercache/shop", []map[string]any{release, plain}, "Shop1"},
		{"the name of its build in cdk.json", "shop", []map[string]any{release, plain}, "Shop1"},
		{"its app", "storefront", []map[string]any{release, plain}, "Shop1"},
		{"the name of a project, also if a build has the same name", "shop", []map[string]any{release, {"name": "shop"}}, "shop"},
		{"a build with a project for pull requests, which does not push", "shop", []map[string]any{unpushed, release}, "Shop1"},
		{"a build with a project for pull requests, which pushes", "shop", []map[string]any{pullRequests, release}, "Shop1"},
		{"a build with nothing but a project for pull requests", "shop", []map[string]any{pullRequests}, "Shop3"},
		{"a build of pushes and pull requests", "both", []map[string]any{both, unpushed}, "Both"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newFake(t, account(c.projects...))
			_, err := w.Start(context.Background(), Request{Project: c.typed})
			require.NoError(t, err)
			assert.Equal(t, c.started, w.server.Calls("StartBuild")[0]["projectName"])
		})
	}
}

func TestAProjectThatIsFoundByItsBuildStartsABatchIfConfigured(t *testing.T) {
	w := newFake(t, account(withBatch(projectWith("Shop1", image("layercache/shop")))))
	build, err := w.Start(context.Background(), Request{Project: "shop"})
	require.NoError(t, err)
	assert.True(t, build.Batch)
	assert.Equal(t, "Shop1", w.server.Calls("StartBuildBatch")[0]["projectName"])
}

func TestANameThatIsNotOneProjectListsWhatThereIs(t *testing.T) {
	projects := []map[string]any{
		withBatch(projectWith("Shop1", image("layercache/shop"), "LAYERCACHE_APP=storefront")),
		withEvents(projectWith("Shop2", image("layercache/shop")), "PULL_REQUEST_CREATED"),
		projectWith("Shop3", image("other/shop")),
		projectWith("Attached", "LAYERCACHE_APP=mail"),
		projectWith("Foreign", "STAGE=prod"),
	}
	const table = `
  BUILD            PROJECT   STARTS
  layercache/shop  Shop1     a batch
  layercache/shop  Shop2     a build as for a pull request
  mail             Attached  a build
  other/shop       Shop3     a build`
	cases := []struct{ name, typed, message string }{
		{"no name", "", "start needs the name of a build or of a CodeBuild project; builds in eu-west-1:" + table},
		{"a name of several", "shop", `2 projects in eu-west-1 build "shop": give the name of one project
  BUILD            PROJECT  STARTS
  layercache/shop  Shop1    a batch
  other/shop       Shop3    a build`},
		{"a misspelt name of a build", "storefrnt", `there is no CodeBuild project "storefrnt" in eu-west-1: did you mean storefront?` + table},
		{"a name like no other", "billing", `there is no CodeBuild project "billing" in eu-west-1, and none of its 5 projects has a similar name: check --region and --profile` + table},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newFake(t, account(projects...))
			_, err := w.Start(context.Background(), Request{Project: c.typed})
			assert.EqualError(t, err, c.message)
			assert.Empty(t, w.server.Calls("StartBuild"))
			assert.Empty(t, w.server.Calls("StartBuildBatch"))
		})
	}
}

func TestBuildsThatCannotBeListedSayWhy(t *testing.T) {
	cases := []struct {
		name, typed string
		answers     map[string]awsfake.Answer
		message     string
	}{
		{"no name, without permission", "", map[string]awsfake.Answer{"ListProjects": awsfake.Denied("codebuild:ListProjects")},
			"start needs the name of a build or of a CodeBuild project, and builds cannot be listed: "},
		{"no name, in an account without builds", "", map[string]awsfake.Answer{},
			"none of the 1 projects in eu-west-1 has variables of layercache: check --region and --profile"},
		{"a build, without permission to list projects", "layercache/shop", map[string]awsfake.Answer{"ListProjects": awsfake.Denied("codebuild:ListProjects")},
			"to find a project by the name of its build, allow codebuild:ListProjects and codebuild:BatchGetProjects"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answers := account(map[string]any{"name": "plain"})
			for operation, answer := range c.answers {
				answers[operation] = answer
			}
			_, err := newFake(t, answers).Start(context.Background(), Request{Project: c.typed})
			assert.ErrorContains(t, err, c.message)
		})
	}
}

func TestManyProjectsAreReadInPagesAndListedInPart(t *testing.T) {
	var projects []map[string]any
	for i := range 250 {
		projects = append(projects, projectWith(fmt.Sprintf("P%03d", i), image(fmt.Sprintf("layercache/b%03d", i))))
	}
	w := newFake(t, account(projects...))
	_, err := w.Start(context.Background(), Request{Project: "b249"})
	require.NoError(t, err)
	assert.Equal(t, "P249", w.server.Calls("StartBuild")[0]["projectName"])
	asked := map[string]bool{} // by the first name, because the SDK may repeat a call
	for _, call := range w.server.Calls("BatchGetProjects") {
		asked[fmt.Sprint(call["names"].([]any)[0])] = true
	}
	assert.Equal(t, map[string]bool{"b249": true, "P000": true, "P100": true, "P200": true}, asked, "one for the name, three for 250 projects")

	_, err = w.Start(context.Background(), Request{})
	require.Error(t, err)
	assert.Equal(t, 1+1+maxListed+1, strings.Count(err.Error(), "\n")+1)
	assert.True(t, strings.HasSuffix(err.Error(), "\n  and 200 more"))
}
