// Package function is the program of two AWS Lambda functions. That of a stack whose deployment builds images gets
// two kinds of events. A request of CloudFormation starts a build, unless the image exists already. The end of a
// build is the safety net: the build answers CloudFormation itself, but cannot if it fails before the helper
// runs, is stopped or times out.
//
// The other function rolls images out: its events are builds that succeeded, each with one service or function
// that gets the image. It has a role of its own.
package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/layercache/layercache/internal/deployment"
)

// Function handles the events.
type Function struct {
	builds    *codebuild.Client
	images    *ecr.Client
	tickets   tickets
	services  *ecs.Client
	functions *lambda.Client
	sender    deployment.Sender
	log       *log.Logger
	// pollInterval is the time between two looks at a function that is being updated.
	pollInterval time.Duration
}

// New returns a function that uses the configuration for its calls of AWS, and writes what it does to the log.
func New(config aws.Config, sender deployment.Sender, log *log.Logger) *Function {
	return &Function{
		builds: codebuild.NewFromConfig(config), images: ecr.NewFromConfig(config), tickets: tickets{ssm.NewFromConfig(config)},
		services: ecs.NewFromConfig(config), functions: lambda.NewFromConfig(config),
		sender: sender, log: log, pollInterval: pollInterval,
	}
}

// Handle handles one event. AWS Lambda repeats an event for which it returns an error.
func (f *Function) Handle(ctx context.Context, event json.RawMessage) error {
	var kind struct {
		RequestType string
		DetailType  string `json:"detail-type"`
	}
	if err := json.Unmarshal(event, &kind); err != nil {
		return errors.New("the event is not a JSON object")
	}
	switch {
	case kind.RequestType != "":
		var r Request
		if err := json.Unmarshal(event, &r); err != nil {
			// The error of encoding/json would quote the event, which has the response URL.
			return errors.New("the request of CloudFormation has an unknown form")
		}
		return f.request(ctx, r)
	case kind.DetailType == "CodeBuild Build State Change":
		var c Change
		if err := json.Unmarshal(event, &c); err != nil {
			return fmt.Errorf("read the event of CodeBuild: %w", err)
		}
		return f.change(ctx, c)
	case kind.DetailType == deployment.RollOutEvent:
		var r deployment.RollOut
		if err := json.Unmarshal(event, &r); err != nil {
			return fmt.Errorf("read the event of a roll-out: %w", err)
		}
		return f.rollOut(ctx, r)
	}
	return errors.New("the event is neither a request of CloudFormation, nor the end of a build, nor a roll-out")
}

// request handles a request of CloudFormation. It is answered now, unless a build is started that will answer.
func (f *Function) request(ctx context.Context, r Request) error {
	t := r.ticket()
	answer, err := f.handle(ctx, r, t)
	if err != nil {
		failed := t.Failed(deployment.Failure{Summary: err.Error()})
		answer = &failed
	}
	if answer == nil {
		return nil
	}
	f.log.Printf("%s of %s: %s: %s", r.RequestType, r.LogicalResourceId, answer.Status, answer.Reason)
	return f.sender.Send(ctx, t, *answer)
}

// handle returns the answer to the request, or nil if the build that it started will answer.
func (f *Function) handle(ctx context.Context, r Request, t deployment.Ticket) (*deployment.Answer, error) {
	p := r.ResourceProperties
	err := r.check()
	if err == nil {
		err = f.stopEarlier(ctx, r)
	}
	if r.RequestType == deleteRequest {
		// A build that goes on is no reason to keep the stack, nor is a resource that could not be made.
		if err != nil {
			f.log.Printf("delete %s: %v", r.LogicalResourceId, err)
		}
		answer := t.Deleted()
		return &answer, nil
	}
	if err != nil {
		return nil, err
	}
	digest, err := f.digest(ctx, t.Image, t.Tag)
	if err != nil {
		return nil, err
	}
	if digest != "" {
		answer := t.Succeeded(digest, "no build: an earlier deployment built this image")
		return &answer, nil
	}
	if err := f.tickets.put(ctx, p.Project, t); err != nil {
		return nil, err
	}
	if t.Build, err = f.start(ctx, r, t.Tag); err != nil {
		return nil, errors.Join(err, f.tickets.remove(ctx, p.Project))
	}
	f.log.Printf("%s of %s: started build %s", r.RequestType, r.LogicalResourceId, t.Build)
	if err := f.tickets.put(ctx, p.Project, t); err != nil {
		// The build answers nevertheless. Only its early end and its stop need the id.
		f.log.Printf("note the id of build %s: %v", t.Build, err)
	}
	return nil, nil
}

// change handles the end of a build. Most builds have answered by then, and CloudFormation ignores a second
// answer.
func (f *Function) change(ctx context.Context, c Change) error {
	project := c.Detail.Project
	t, err := f.tickets.get(ctx, project)
	if t == nil || err != nil {
		return err
	}
	b, err := f.build(ctx, c.Detail.BuildID)
	if err != nil {
		return err
	}
	switch {
	case t.Build == "":
		return fmt.Errorf("build %s ended before its id was noted", b.id)
	case !b.isOf(t.Build):
		f.log.Printf("build %s: no deployment waits for it", b.id)
		return nil
	}
	answer, err := f.answer(ctx, *t, b)
	if answer == nil || err != nil {
		return err
	}
	f.log.Printf("build %s: %s: %s", b.id, answer.Status, answer.Reason)
	if err := f.sender.Send(ctx, *t, *answer); err != nil {
		return err
	}
	return f.tickets.remove(ctx, project)
}

// answer returns the answer for a build that ended, or nil for a successful build of a batch whose image is not
// complete yet.
func (f *Function) answer(ctx context.Context, t deployment.Ticket, b build) (*deployment.Answer, error) {
	if !b.succeeded {
		answer := t.Failed(deployment.Failure{Summary: b.why, Place: b.place})
		return &answer, nil
	}
	digest, err := f.digest(ctx, t.Image, t.Tag)
	switch {
	case err != nil:
		return nil, err
	case digest != "":
		answer := t.Succeeded(digest, b.verdict)
		return &answer, nil
	case b.inBatch:
		return nil, nil
	}
	answer := t.Failed(deployment.Failure{
		Summary: fmt.Sprintf("build %s succeeded, but pushed no image %s:%s; do not set LAYERCACHE_PUSH or LAYERCACHE_TAGS in the project", b.id, t.Image, t.Tag),
		Place:   b.place,
	})
	return &answer, nil
}

// stopEarlier stops the build of an earlier request for the same resource: one that was cancelled, or that
// CloudFormation no longer waits for.
func (f *Function) stopEarlier(ctx context.Context, r Request) error {
	p := r.ResourceProperties
	t, err := f.tickets.get(ctx, p.Project)
	if t == nil || err != nil || t.RequestID == r.RequestId {
		return err
	}
	if t.Build != "" {
		if err := f.stop(ctx, t.Build, p.isBatch()); err != nil {
			return err
		}
		f.log.Printf("stopped build %s, if it was running", t.Build)
	}
	return f.tickets.remove(ctx, p.Project)
}
