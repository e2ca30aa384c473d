//go:build linux

package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/layercache/layercache/test/localaws/agent"
)

// build is a build that was started.
type build struct {
	id, arn, region, account, partition string
	number                              int
	input                               codebuild.StartBuildInput
	member                              membership
	project                             types.Project
	began                               time.Time
	// done is closed at the end. result and err must not be read before.
	done   chan struct{}
	result *agent.Result
	err    error
	// stop stops the build.
	stop context.CancelCauseFunc

	mutex sync.Mutex
	// stream is the group and name of the log stream, empty until it exists.
	stream [2]string
	ended  time.Time
}

// begin runs a build that the API has started. call is the body of the call of StartBuild.
func (c *CodeBuild) begin(ctx context.Context, started answer, call []byte, member membership) (*build, error) {
	var input codebuild.StartBuildInput
	if err := json.Unmarshal(call, &input); err != nil {
		return nil, fmt.Errorf("run: StartBuild: %w", err)
	}
	id, _ := started.Build["id"].(string)
	arn, _ := started.Build["arn"].(string)
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || id == "" {
		return nil, fmt.Errorf("run: StartBuild returned the build %q with the ARN %q: expected an id and a complete ARN", id, arn)
	}
	b := &build{
		id: id, arn: arn, partition: parts[1], region: parts[3], account: parts[4],
		input: input, member: member, began: time.Now(), done: make(chan struct{}),
	}
	project, err := c.project(ctx, b)
	if err != nil {
		return nil, err
	}
	b.project = project
	c.mutex.Lock()
	defer c.mutex.Unlock()
	key := b.account + b.region + *input.ProjectName
	c.numbers[key]++
	b.number = c.numbers[key]
	c.builds[id], c.last = b, id
	ctx, b.stop = context.WithCancelCause(ctx)
	c.running.Go(func() {
		defer b.stop(nil)
		b.result, b.err = c.run(ctx, b)
		if b.err != nil && errors.Is(context.Cause(ctx), errStopped) {
			b.result, b.err = &agent.Result{ID: b.id, Status: agent.Stopped}, nil
		}
		b.mutex.Lock()
		b.ended = time.Now()
		b.mutex.Unlock()
		close(b.done)
		if c.config.Ended != nil {
			c.config.Ended(Event{Build: b.arn, Project: *input.ProjectName, Status: fmt.Sprint(b.state()["buildStatus"])})
		}
	})
	return b, nil
}

// errStopped is the end of a build that StopBuild, StopBuildBatch or the failure of another in its batch has stopped.
var errStopped = errors.New("run: the build was stopped")

// project returns the build's project from the API.
func (c *CodeBuild) project(ctx context.Context, b *build) (types.Project, error) {
	config, err := c.config.AWS.Config(ctx, b.account, b.region)
	if err != nil {
		return types.Project{}, err
	}
	out, err := codebuild.NewFromConfig(config).BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: []string{*b.input.ProjectName}})
	if err != nil {
		return types.Project{}, fmt.Errorf("run: project %s: %w", *b.input.ProjectName, err)
	}
	if len(out.Projects) != 1 {
		return types.Project{}, fmt.Errorf("run: the API returns %d projects with the name %s", len(out.Projects), *b.input.ProjectName)
	}
	return out.Projects[0], nil
}

// run runs a build as CodeBuild does: it assumes the service role, opens the log, fetches the sources and
// runs the buildspec.
func (c *CodeBuild) run(ctx context.Context, b *build) (*agent.Result, error) {
	if err := checkOverrides(b.input); err != nil {
		return nil, err
	}
	_, uuid, _ := strings.Cut(b.id, ":")
	session, config, err := c.assume(ctx, b, "AWSCodeBuild-"+uuid)
	if err != nil {
		return nil, err
	}
	group := "/aws/codebuild/" + *b.input.ProjectName
	if logs := b.project.LogsConfig; logs != nil && logs.CloudWatchLogs != nil && logs.CloudWatchLogs.GroupName != nil {
		group = *logs.CloudWatchLogs.GroupName
	}
	log, err := openLog(ctx, config, group, uuid)
	if err != nil {
		return nil, fmt.Errorf("run: log group %s: %w", group, err)
	}
	b.mutex.Lock()
	b.stream = [2]string{group, uuid}
	b.mutex.Unlock()
	overrides, err := readParameters(ctx, config, b.input.EnvironmentVariablesOverride)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	result, err := c.work(ctx, b, uuid, config, agent.Build{
		Project: *b.input.ProjectName, ID: b.id, Number: b.number, Account: b.account, Region: b.region, Partition: b.partition,
		Image: aws.ToString(b.project.Environment.Image), BuildSpec: aws.ToString(b.project.Source.Buildspec), BatchIdentifier: b.member.identifier,
		SourceVersion: aws.ToString(b.input.SourceVersion),
		Variables:     variables(b.project.Environment.EnvironmentVariables), Overrides: overrides,
		Env: c.environment(session), Command: c.config.Registry.Command, Output: log,
	})
	if err != nil {
		fmt.Fprintf(log, "the build could not run: %v\n", err)
	}
	return result, errors.Join(err, log.Close())
}

// work fetches the sources and runs the build in a separate directory.
func (c *CodeBuild) work(ctx context.Context, b *build, uuid string, config aws.Config, wanted agent.Build) (*agent.Result, error) {
	dir := filepath.Join(c.config.Dir, uuid)
	wanted.Dir = filepath.Join(dir, "work")
	if err := os.MkdirAll(wanted.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	fetched := fetcher{config: config, dir: dir}
	wanted.Source = fetched.source(ctx, b.project.Source)
	wanted.SecondarySources = map[string]string{}
	for _, secondary := range b.project.SecondarySources {
		wanted.SecondarySources[aws.ToString(secondary.SourceIdentifier)] = fetched.source(ctx, &secondary)
	}
	if fetched.err != nil {
		return nil, fetched.err
	}
	return wanted.Run(ctx)
}

// checkOverrides returns an error for overrides of StartBuild that this package does not support.
func checkOverrides(input codebuild.StartBuildInput) error {
	supported := codebuild.StartBuildInput{
		ProjectName: input.ProjectName, EnvironmentVariablesOverride: input.EnvironmentVariablesOverride,
		SourceVersion: input.SourceVersion, IdempotencyToken: input.IdempotencyToken,
		// No build has to wait here.
		QueuedTimeoutInMinutesOverride: input.QueuedTimeoutInMinutesOverride, TimeoutInMinutesOverride: input.TimeoutInMinutesOverride,
	}
	if fmt.Sprintf("%+v", supported) != fmt.Sprintf("%+v", input) {
		return errors.New("run: StartBuild supports only overrides of environment variables, the source version and the timeouts here; other overrides are not supported")
	}
	return nil
}

// readParameters returns variables with the values of those that are parameters, which CodeBuild reads as the
// service role when the build starts.
func readParameters(ctx context.Context, config aws.Config, of []types.EnvironmentVariable) (map[string]string, error) {
	values := variables(of)
	for _, variable := range of {
		if variable.Type != types.EnvironmentVariableTypeParameterStore {
			continue
		}
		out, err := ssm.NewFromConfig(config).GetParameters(ctx, &ssm.GetParametersInput{Names: []string{*variable.Value}, WithDecryption: aws.Bool(true)})
		if err != nil || len(out.Parameters) != 1 {
			return nil, fmt.Errorf("run: read parameter %s: %w", *variable.Value, cmp.Or(err, errors.New("it does not exist")))
		}
		values[*variable.Name] = *out.Parameters[0].Value
	}
	return values, nil
}

func variables(of []types.EnvironmentVariable) map[string]string {
	values := map[string]string{}
	for _, variable := range of {
		values[aws.ToString(variable.Name)] = aws.ToString(variable.Value)
	}
	return values
}
