// Package agent simulates the agent that CodeBuild runs inside a build environment. It takes a project's
// buildspec, variables and sources and runs the phases by CodeBuild's rules, on this machine, in a fresh
// working directory.
//
// Features of CodeBuild that this agent does not have (artifacts, cache, secrets, runtime versions, other
// users, build lists and matrices, buildspec version 0.1) are errors that name the feature.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
package agent

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Build is one build of a project, as StartBuild would start it.
type Build struct {
	// Project is the name of the project, a part of the build's id.
	Project string
	// ID is the build's id, PROJECT:UUID. The default is a new one.
	ID string
	// Account, Region and Partition name the build in its ARN; AWS_REGION is set to Region.
	Account   string
	Region    string
	Partition string
	// Image is the value of CODEBUILD_BUILD_IMAGE. The commands run on this machine anyway.
	Image string
	// Number is the build number. The default is 1.
	Number int
	// BuildSpec is the text of the buildspec.
	BuildSpec string
	// BatchIdentifier is the identifier of this build in the buildspec's build graph. It is required with a
	// graph, and empty without.
	BatchIdentifier string
	// Variables are the project's environment variables. They override the buildspec's.
	Variables map[string]string
	// Overrides are the variables given when the build is started. They override the project's.
	Overrides map[string]string
	// Source is the primary source: a directory or a zip file. If it is empty (NO_SOURCE), the directory is
	// empty.
	Source string
	// SourceVersion is the value of CODEBUILD_SOURCE_VERSION and CODEBUILD_RESOLVED_SOURCE_VERSION. If it is
	// empty, they are not set.
	SourceVersion string
	// SecondarySources are directories or zip files by source identifier.
	SecondarySources map[string]string
	// Dir is an empty directory for everything that the build writes. The caller removes it.
	Dir string
	// Env is the environment of the build image, NAME=VALUE: at least PATH and HOME.
	Env []string
	// Output receives the build's log.
	Output io.Writer
	// Command creates the command that runs a program of the build. The default is exec.CommandContext.
	Command func(ctx context.Context, program string, arguments ...string) *exec.Cmd
}

// Status is the status of a phase or a build at its end.
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BuildPhase.html
type Status string

// The statuses that this agent uses.
const (
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	Stopped   Status = "STOPPED"
)

// Result is the result of a build.
type Result struct {
	ID string
	// Status is Failed if one phase failed, even if its on-failure let the build continue, or if a report
	// group has no files.
	Status Status
	// Phases are the phases that ran, in order.
	Phases []Phase
	// Exported holds the values of the buildspec's exported-variables after the last phase. Variables that
	// are not set are absent. It is empty if the build was stopped.
	Exported map[string]string
	// Reports are the paths of the report files found for each report group of the buildspec.
	Reports map[string][]string
	// SourceDir is CODEBUILD_SRC_DIR.
	SourceDir string
	// Seconds is the wall-clock time of the phases.
	Seconds float64
}

// Phase is the result of one phase.
type Phase struct {
	// Name as in a build's log: INSTALL, PRE_BUILD, BUILD, POST_BUILD.
	Name   string
	Status Status
	// ExitCode is the exit code of the first command that failed, or 0.
	ExitCode int
	// Command is the first command that failed, or "".
	Command string
	Seconds float64
}

// Run runs the build. If a phase fails, the result has the status Failed and there is no error. Run returns
// an error if the build cannot run as in CodeBuild, or if ctx ends. In the latter case, it stops every
// process of the build, and the result contains what had run.
func (b Build) Run(ctx context.Context) (*Result, error) {
	spec, err := parse(b.BuildSpec)
	if err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	if _, known := spec.graph[b.BatchIdentifier]; known == (len(spec.graph) == 0) {
		return nil, fmt.Errorf("agent: Build.BatchIdentifier is %q: the buildspec's build graph has %v", b.BatchIdentifier, slices.Sorted(maps.Keys(spec.graph)))
	}
	sources, err := b.unpack()
	if err != nil {
		return nil, err
	}
	id := cmp.Or(b.ID, b.newID())
	state := filepath.Join(b.Dir, "agent")
	if err := os.Mkdir(state, 0o700); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	output, err := newLog(b.Output)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	shell, err := newShell(spec.shell, state, sources.primary, b.environment(spec, sources, id), output)
	if err != nil {
		return nil, err
	}
	if b.Command != nil {
		shell.command = b.Command
	}
	defer shell.Close()

	result := &Result{ID: id, Status: Succeeded, SourceDir: sources.primary}
	started := time.Now()
	runPhases(ctx, spec, shell, output, result)
	result.Seconds = time.Since(started).Seconds()
	if result.Status == Stopped {
		return result, context.Cause(ctx)
	}
	result.Exported = exported(spec, shell, output)
	var missing []string
	if result.Reports, missing, err = findReports(spec, sources.primary, output); len(missing) > 0 {
		result.Status = Failed
	}
	return result, err
}

func (b Build) check() error {
	for name, value := range map[string]string{"Project": b.Project, "Region": b.Region, "Account": b.Account, "Partition": b.Partition, "Dir": b.Dir} {
		if value == "" {
			return fmt.Errorf("agent: Build.%s is empty: CodeBuild's variables need it", name)
		}
	}
	left, err := os.ReadDir(b.Dir)
	if err != nil {
		return fmt.Errorf("agent: Build.Dir: %w", err)
	}
	if len(left) > 0 {
		return fmt.Errorf("agent: Build.Dir %s is not empty: every build in CodeBuild starts on a fresh machine", b.Dir)
	}
	return nil
}
