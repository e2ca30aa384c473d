package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/image"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/run"
	"github.com/layercache/layercache/internal/variables"
)

// waitingDeployment is the deployment of a stack that waits for the image. Its methods do nothing if no
// deployment waits, which is nil.
type waitingDeployment struct {
	ticket deployment.Ticket
	stderr io.Writer
	// pushes reports whether this build pushes the image that the deployment waits for. A build of one
	// platform of a batch does not.
	pushes bool
	// secrets hides the values of build secrets, which a failed step may have printed.
	secrets *strings.Replacer
}

// waiting returns the deployment that waits for this build, or nil.
func waiting(stderr io.Writer) (*waitingDeployment, error) {
	ticket, err := deployment.Take()
	if ticket == nil || err != nil {
		return nil, err
	}
	return &waitingDeployment{ticket: *ticket, stderr: stderr, secrets: hidingSecrets(os.Environ())}, nil
}

// expect notes what this build pushes.
func (d *waitingDeployment) expect(described image.Image) {
	if d != nil {
		d.pushes = described.Push && slices.Contains(described.Names(), d.ticket.Image+":"+d.ticket.Tag)
	}
}

// built answers for a build that ended.
func (d *waitingDeployment) built(ctx context.Context, r *report.Report) {
	if d == nil {
		return
	}
	if r.ExitCode != 0 {
		summary, tail := r.FailureText()
		if stopped := (run.Stopped{}); errors.As(context.Cause(ctx), &stopped) {
			summary = stopped.Error() + "\n" + summary
		}
		d.fail(ctx, summary, tail)
		return
	}
	d.succeeded(ctx, r.Image, r.Line())
}

// joined answers for the indexes of a batch.
func (d *waitingDeployment) joined(ctx context.Context, joined []image.PushedIndex) {
	if d == nil {
		return
	}
	for _, index := range joined {
		if index.Name == d.ticket.Image+":"+d.ticket.Tag {
			d.succeeded(ctx, index.Digest.String(), "the index of the platforms' images was pushed")
		}
	}
}

// failed answers for a build that could not start or continue.
func (d *waitingDeployment) failed(ctx context.Context, err error) {
	if d != nil {
		d.fail(ctx, err.Error(), "")
	}
}

// succeeded answers with the digest of the image. Without one, the function of the stack answers, which looks
// for the image.
func (d *waitingDeployment) succeeded(ctx context.Context, digest, verdict string) {
	if d.pushes && digest != "" {
		d.send(ctx, d.ticket.Succeeded(digest, d.clean(verdict)))
	}
}

func (d *waitingDeployment) fail(ctx context.Context, summary, tail string) {
	why := deployment.Failure{Summary: d.clean(summary), Place: os.Getenv("CODEBUILD_BUILD_URL")}
	for line := range strings.Lines(tail) {
		if line = d.clean(line); line != "" {
			why.Log = append(why.Log, line)
		}
	}
	d.send(ctx, d.ticket.Failed(why))
}

// clean returns the text without secrets, each line safe to show.
func (d *waitingDeployment) clean(text string) string {
	var lines []string
	for line := range strings.Lines(d.secrets.Replace(text)) {
		lines = append(lines, escape.Line(line))
	}
	return strings.Join(lines, "\n")
}

// answerTime is how long a build that ended waits for its answer to be sent.
const answerTime = time.Minute

func (d *waitingDeployment) send(ctx context.Context, answer deployment.Answer) {
	// The answer of a build that was stopped is sent too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	if err := (deployment.Sender{}).Send(ctx, d.ticket, answer); err != nil {
		fmt.Fprintf(d.stderr, "layercache: warning: %v; the function of the stack answers when this build has ended\n", err)
		return
	}
	fmt.Fprintln(d.stderr, "layercache: answered the deployment that waits for this image")
}

// minSecretLine is the length of the shortest line of a secret that is hidden. Shorter ones may be parts of
// ordinary words.
const minSecretLine = 4

// hidingSecrets returns a replacer of the build secrets in an environment, and of each of their lines.
func hidingSecrets(environ []string) *strings.Replacer {
	var hidden []string
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, variables.SecretPrefix) {
			continue
		}
		for _, part := range append([]string{value}, strings.Split(value, "\n")...) {
			if part = strings.TrimSpace(part); len(part) >= minSecretLine {
				hidden = append(hidden, part)
			}
		}
	}
	// The first that matches is replaced, and one may be the start of another.
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, part := range hidden {
		pairs = append(pairs, part, "***")
	}
	return strings.NewReplacer(pairs...)
}
