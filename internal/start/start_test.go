package start

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
)

func startable() map[string]awsfake.Answer {
	return awsfake.CodeBuild(&awsfake.Build{ID: id, Looks: []awsfake.Look{{}}})
}

func TestABuildIsStartedWithItsVariablesAsPlainText(t *testing.T) {
	w := newFake(t, startable())
	build, err := w.Start(context.Background(), Request{
		Project: "shop", SourceVersion: "feature/x",
		Variables: []Variable{{"LAYERCACHE_REFRESH", "true"}, {"NOTE", "a=b c"}},
	})
	require.NoError(t, err)
	assert.Equal(t, Build{
		ID: id, ARN: "arn:aws:codebuild:eu-west-1:111122223333:build/" + id,
		ConsoleURL: "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111122223333/projects/shop/build/shop%3A11111111-2222-3333-4444-555555555555/?region=eu-west-1",
	}, build)
	sent := w.server.Calls("StartBuild")[0]
	assert.NotEmpty(t, sent["idempotencyToken"])
	delete(sent, "idempotencyToken")
	assert.Equal(t, map[string]any{
		"projectName": "shop", "sourceVersion": "feature/x",
		"environmentVariablesOverride": []any{
			map[string]any{"name": "LAYERCACHE_REFRESH", "value": "true", "type": "PLAINTEXT"},
			map[string]any{"name": "NOTE", "value": "a=b c", "type": "PLAINTEXT"},
		},
	}, sent)
}

func TestARetriedStartHasTheSameIdempotencyToken(t *testing.T) {
	answers := startable()
	start, calls := answers["StartBuild"], 0
	answers["StartBuild"] = func(input map[string]any) (map[string]any, error) {
		if calls++; calls == 1 {
			return nil, awsfake.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"}
		}
		return start(input)
	}
	w := newFake(t, answers)
	_, err := w.Start(context.Background(), Request{Project: "shop"})
	require.NoError(t, err)
	sent := w.server.Calls("StartBuild")
	require.Len(t, sent, 2)
	assert.Equal(t, sent[0]["idempotencyToken"], sent[1]["idempotencyToken"])
}

func TestABatchIsStartedIfConfiguredOrRequested(t *testing.T) {
	yes, no := true, false
	plain := map[string]any{"name": "shop"}
	batched := map[string]any{"name": "shop", "buildBatchConfig": map[string]any{"serviceRole": "role"}}
	cases := []struct {
		name    string
		project map[string]any
		request *bool
		batch   bool
	}{
		{"a project for builds", plain, nil, false},
		{"a project for batches", batched, nil, true},
		{"a project for batches, a build requested", batched, &no, false},
		{"a project for builds, a batch requested", plain, &yes, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answers := startable()
			answers["BatchGetProjects"] = awsfake.Gives(map[string]any{"projects": []any{c.project}})
			answers["StartBuildBatch"] = awsfake.Gives(map[string]any{"buildBatch": map[string]any{
				"id": id, "arn": "arn:aws-cn:codebuild:cn-north-1:111122223333:build-batch/" + id,
			}})
			w := newFake(t, answers)
			build, err := w.Start(context.Background(), Request{Project: "shop", Batch: c.request})
			require.NoError(t, err)
			assert.Equal(t, c.batch, build.Batch)
			if c.batch {
				assert.Empty(t, w.server.Calls("StartBuild"))
				assert.Equal(t, "https://cn-north-1.console.amazonaws.cn/codesuite/codebuild/111122223333/projects/shop/batch/shop%3A11111111-2222-3333-4444-555555555555/?region=cn-north-1", build.ConsoleURL)
			} else {
				assert.Empty(t, w.server.Calls("StartBuildBatch"))
			}
		})
	}
}

func TestAFailedStartSaysWhy(t *testing.T) {
	none := awsfake.Gives(map[string]any{"projects": []any{}, "projectsNotFound": []any{"shpo"}})
	secret := awsfake.Gives(map[string]any{"projects": []any{map[string]any{"name": "shop", "environment": map[string]any{
		"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
		"environmentVariables": []any{map[string]any{"name": "NPM_TOKEN", "value": "npm", "type": "SECRETS_MANAGER"}},
	}}}})
	cases := []struct {
		name    string
		answers map[string]awsfake.Answer
		message string
	}{
		{"a name similar to a project's", map[string]awsfake.Answer{
			"BatchGetProjects": none, "ListProjects": awsfake.Gives(map[string]any{"projects": []any{"shop", "billing"}}),
		}, `there is no CodeBuild project "shop" in eu-west-1: did you mean shop?`},
		{"a name without a similar one", map[string]awsfake.Answer{
			"BatchGetProjects": none, "ListProjects": awsfake.Gives(map[string]any{"projects": []any{"billing"}}),
		}, "none of its 1 projects has a similar name: check --region and --profile"},
		{"an unknown name without permission to list projects", map[string]awsfake.Answer{
			"BatchGetProjects": none, "ListProjects": awsfake.Denied("codebuild:ListProjects"),
		}, "check the name, --region and --profile"},
		{"an unknown name without permission to read projects", map[string]awsfake.Answer{
			"BatchGetProjects": awsfake.Denied("codebuild:BatchGetProjects"),
			"ListProjects":     awsfake.Denied("codebuild:ListProjects"),
			"StartBuild":       awsfake.Fails(awsfake.Error{Code: "ResourceNotFoundException", Message: "Project cannot be found"}),
		}, "there is no CodeBuild project"},
		{"a start without permission", map[string]awsfake.Answer{"StartBuild": awsfake.Denied("codebuild:StartBuild")},
			"start project shop in eu-west-1: "},
		{"a secret in plain text", map[string]awsfake.Answer{"BatchGetProjects": secret},
			"--set NPM_TOKEN: project shop takes it from AWS Secrets Manager, and plain text would be visible"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answers := startable()
			for operation, answer := range c.answers {
				answers[operation] = answer
			}
			_, err := newFake(t, answers).Start(context.Background(), Request{Project: "shop", Variables: []Variable{{"NPM_TOKEN", "x"}}})
			assert.ErrorContains(t, err, c.message)
		})
	}
}

func TestAProjectIsStartedWithoutPermissionToReadIt(t *testing.T) {
	answers := startable()
	answers["BatchGetProjects"] = awsfake.Denied("codebuild:BatchGetProjects")
	build, err := newFake(t, answers).Start(context.Background(), Request{Project: "shop"})
	require.NoError(t, err)
	assert.Equal(t, id, build.ID)
}

func TestAnInterruptedStartSaysThatTheBuildMayHaveStarted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	interrupt := errors.New("interrupted")
	answers := startable()
	answers["StartBuild"] = func(map[string]any) (map[string]any, error) {
		cancel(interrupt)
		return nil, awsfake.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"}
	}
	_, err := newFake(t, answers).Start(ctx, Request{Project: "shop"})
	require.ErrorContains(t, err, "the build may have started")
	assert.ErrorIs(t, err, interrupt)
}

func TestTheConsoleBelongsToThePartition(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:codebuild:eu-west-1:111122223333:build/shop:1":            "https://eu-west-1.console.aws.amazon.com/",
		"arn:aws-cn:codebuild:cn-north-1:111122223333:build/shop:1":        "https://cn-north-1.console.amazonaws.cn/",
		"arn:aws-us-gov:codebuild:us-gov-west-1:111122223333:build/shop:1": "https://us-gov-west-1.console.amazonaws-us-gov.com/",
	} {
		assert.Contains(t, consoleURL(Build{ID: "shop:1", ARN: arn}), want)
	}
	for _, arn := range []string{"", "arn:aws-iso:codebuild:us-iso-east-1:111122223333:build/shop:1"} {
		assert.Empty(t, consoleURL(Build{ID: "shop:1", ARN: arn}), "an unknown console has no URL")
	}
}
