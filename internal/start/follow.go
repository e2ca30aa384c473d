package start

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

const (
	// firstPollInterval is the time between two polls during firstPeriod, laterPollInterval after it.
	firstPollInterval, laterPollInterval = 2 * time.Second, 5 * time.Second
	firstPeriod                          = time.Minute
)

// Follow shows the log of a build until it ends, then its verdict. The error is an Ended when the build did
// not succeed. The build keeps running when the context ends.
func (c *Client) Follow(ctx context.Context, build Build, output Output) error {
	f := &follower{client: c, build: build, screen: &screen{Output: output, clock: c.clock, last: c.clock.now()}}
	defer f.screen.erase()
	begin := c.clock.now()
	for {
		end, err := f.poll(ctx)
		switch {
		case ctx.Err() != nil:
			return c.stillRunning(ctx, build)
		case err != nil:
			return fmt.Errorf("follow build %s, which is still running: %w", build.ID, err)
		case end != nil && f.isRead():
			return f.finish(*end)
		}
		f.screen.showActivity(f.activity())
		interval := firstPollInterval
		if end == nil && c.clock.now().Sub(begin) >= firstPeriod {
			interval = laterPollInterval
		}
		c.clock.wait(ctx, interval)
	}
}

// stillRunning returns the error for a follower that is interrupted: the build still runs, and how to stop
// it.
func (c *Client) stillRunning(ctx context.Context, build Build) error {
	command := "stop-build"
	if build.Batch {
		command = "stop-build-batch"
	}
	command += " --region " + c.account.Region
	if c.account.Profile != "" {
		command += " --profile " + c.account.Profile
	}
	return fmt.Errorf("stopped following; build %s is still running (stop it with `aws codebuild %s --id %s`): %w", build.ID, command, build.ID, context.Cause(ctx))
}

// follower shows one build, or the builds of one batch.
type follower struct {
	client  *Client
	build   Build
	screen  *screen
	members []*member
}

// poll queries the build and shows what is new. The end is nil while it runs.
func (f *follower) poll(ctx context.Context) (*end, error) {
	var end *end
	if f.build.Batch {
		batch, err := f.client.batch(ctx, f.build.ID)
		if err != nil {
			return nil, err
		}
		f.join(batch)
		end = endOfBatch(batch)
	} else if f.members == nil {
		f.members = []*member{newMember(f.build.ID, "")}
	}
	if err := f.pollMembers(ctx, end != nil); err != nil {
		return nil, err
	}
	if !f.build.Batch {
		end = endOfBuild(f.members[0].now)
	}
	return end, nil
}

// pollMembers queries all members that have not been read to their end, with as few calls as possible. over
// is true when the batch has ended.
func (f *follower) pollMembers(ctx context.Context, over bool) error {
	var open []*member
	for _, m := range f.members {
		if !m.isRead {
			open = append(open, m)
		}
	}
	for len(open) > 0 {
		part := open[:min(maxBuildsPerCall, len(open))]
		open = open[len(part):]
		if err := f.client.refresh(ctx, part); err != nil {
			return err
		}
		for _, m := range part {
			if err := m.show(ctx, f.client, f.screen, over); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxBuildsPerCall is the number of builds that BatchGetBuilds accepts.
const maxBuildsPerCall = 100

// refresh updates the state of the members.
func (c *Client) refresh(ctx context.Context, members []*member) error {
	var ids []string
	for _, m := range members {
		ids = append(ids, m.id)
	}
	out, err := c.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: ids}, withRetries)
	if err != nil {
		return err
	}
	byID := map[string]types.Build{}
	for _, build := range out.Builds {
		byID[aws.ToString(build.Id)] = build
	}
	for _, m := range members {
		build, ok := byID[m.id]
		if !ok {
			return fmt.Errorf("CodeBuild in %s has no build %s", c.account.Region, m.id)
		}
		m.now = build
	}
	return nil
}

// withRetries sets the number of attempts of a call.
func withRetries(o *codebuild.Options) { o.RetryMaxAttempts = maxAttempts }

func (f *follower) isRead() bool {
	for _, m := range f.members {
		if !m.isRead {
			return false
		}
	}
	return true
}

// activity describes the current phase of each running build.
func (f *follower) activity() string {
	var text string
	for _, m := range f.members {
		phase := currentPhase(m.now.Phases, f.screen.clock.now())
		if phase == "" {
			continue
		}
		if text != "" {
			text += "; "
		}
		text += m.prefix() + phase
	}
	return text
}
