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
	// firstPause is the time between two looks at a build in its first minute, laterPause after that.
	firstPause, laterPause = 2 * time.Second, 5 * time.Second
	firstPeriod            = time.Minute
)

// Follow shows the log of a build until it ends, then its verdict. The error is nil when the build succeeded, and an Ended
// when it did not. When the context ends, the build goes on.
func (c *Client) Follow(ctx context.Context, build Build, output Output) error {
	f := &follower{client: c, build: build, screen: &screen{Output: output, clock: c.clock, last: c.clock.now()}}
	defer f.screen.erase()
	begin := c.clock.now()
	for {
		end, err := f.look(ctx)
		switch {
		case ctx.Err() != nil:
			return c.left(ctx, build)
		case err != nil:
			return fmt.Errorf("follow build %s, which goes on: %w", build.ID, err)
		case end != nil && f.isRead():
			return f.finish(*end)
		}
		f.screen.quiet(f.activity())
		pause := firstPause
		if end == nil && c.clock.now().Sub(begin) >= firstPeriod {
			pause = laterPause
		}
		c.clock.wait(ctx, pause)
	}
}

// left says that the build goes on, and how to stop it.
func (c *Client) left(ctx context.Context, build Build) error {
	command := "stop-build"
	if build.Batch {
		command = "stop-build-batch"
	}
	command += " --region " + c.account.Region
	if c.account.Profile != "" {
		command += " --profile " + c.account.Profile
	}
	return fmt.Errorf("no longer following, and build %s goes on (`aws codebuild %s --id %s` stops it): %w", build.ID, command, build.ID, context.Cause(ctx))
}

// follower shows one build, or the builds of one batch.
type follower struct {
	client  *Client
	build   Build
	screen  *screen
	members []*member
}

// look asks how the build is and shows what is new. The end is nil while it runs.
func (f *follower) look(ctx context.Context) (*end, error) {
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
	if err := f.lookAtMembers(ctx, end != nil); err != nil {
		return nil, err
	}
	if !f.build.Batch {
		end = endOfBuild(f.members[0].now)
	}
	return end, nil
}

// lookAtMembers asks for all members that are not read to their end, in one call for as many as one may ask for.
func (f *follower) lookAtMembers(ctx context.Context, over bool) error {
	var open []*member
	for _, m := range f.members {
		if !m.isRead {
			open = append(open, m)
		}
	}
	for len(open) > 0 {
		part := open[:min(mostBuilds, len(open))]
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

// mostBuilds is how many builds BatchGetBuilds takes.
const mostBuilds = 100

// refresh reads the members' builds.
func (c *Client) refresh(ctx context.Context, members []*member) error {
	var ids []string
	for _, m := range members {
		ids = append(ids, m.id)
	}
	out, err := c.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: ids}, untiring)
	if err != nil {
		return err
	}
	found := map[string]types.Build{}
	for _, build := range out.Builds {
		found[aws.ToString(build.Id)] = build
	}
	for _, m := range members {
		build, ok := found[m.id]
		if !ok {
			return fmt.Errorf("CodeBuild in %s knows no build %s", c.account.Region, m.id)
		}
		m.now = build
	}
	return nil
}

func untiring(o *codebuild.Options) { o.RetryMaxAttempts = patience }

func (f *follower) isRead() bool {
	for _, m := range f.members {
		if !m.isRead {
			return false
		}
	}
	return true
}

// activity is what the builds that still run are at.
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
