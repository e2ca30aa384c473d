package agent

import (
	"context"
	"strings"
	"time"
)

// runPhases runs the phases of the buildspec by CodeBuild's transitions: a failed install or pre_build ends
// the build, post_build runs after a failed build, and on-failure overrides both.
// https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
func runPhases(ctx context.Context, spec *buildspec, shell *shell, output *log, result *Result) {
	for _, name := range phaseNames {
		definition, ok := spec.phases[name]
		if !ok {
			continue
		}
		ran := runPhase(ctx, name, definition, shell, output)
		result.Phases = append(result.Phases, ran)
		if ran.Status == Succeeded {
			continue
		}
		result.Status = ran.Status
		if ran.Status == Stopped || !continues(name, definition.OnFailure) {
			return
		}
	}
}

// continues reports whether the build continues after the phase has failed.
func continues(name, onFailure string) bool {
	switch onFailure {
	case "ABORT":
		return false
	case "CONTINUE":
		return true
	default:
		return name == "build"
	}
}

func runPhase(ctx context.Context, name string, definition phase, shell *shell, output *log) Phase {
	ran := Phase{Name: strings.ToUpper(name), Status: Succeeded}
	started := time.Now()
	output.line("Entering phase %s", ran.Name)
	runCommands(ctx, definition.Commands, shell, output, &ran)
	runCommands(ctx, definition.Finally, shell, output, &ran)
	ran.Seconds = time.Since(started).Seconds()
	output.line("Phase complete: %s State: %s", ran.Name, ran.Status)
	if ran.Status == Failed {
		output.line("Phase context status code: COMMAND_EXECUTION_ERROR Message: Error while executing command: %s. Reason: exit status %d", ran.Command, ran.ExitCode)
	}
	return ran
}

// runCommands runs commands up to the first that fails. It is also called for `finally` after a failed
// command, and a failure there fails the phase too.
func runCommands(ctx context.Context, commands []string, shell *shell, output *log, ran *Phase) {
	for _, command := range commands {
		if ran.Status == Stopped {
			return
		}
		output.line("Running command %s", command)
		code, err := shell.run(ctx, command)
		if ctx.Err() != nil {
			ran.Status = Stopped
			return
		}
		if err != nil {
			output.line("Command could not be run: %v", err)
		}
		if code == 0 {
			continue
		}
		output.line("Command did not exit successfully %s exit status %d", command, code)
		shell.failing()
		if ran.Status == Succeeded {
			ran.Status, ran.ExitCode, ran.Command = Failed, code, command
		}
		return
	}
}
