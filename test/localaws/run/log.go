//go:build linux

package run

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// log is a build's log stream in CloudWatch Logs.
type log struct {
	client        *cloudwatchlogs.Client
	group, stream string

	mutex   sync.Mutex
	pending bytes.Buffer
	stop    chan struct{}
	stopped chan struct{}
	err     error
}

// sendInterval is the time between two calls of PutLogEvents.
const sendInterval = 200 * time.Millisecond

// openLog creates the stream, and the group if it does not exist. CodeBuild does both as the service role.
func openLog(ctx context.Context, config aws.Config, group, stream string) (*log, error) {
	l := &log{client: cloudwatchlogs.NewFromConfig(config), group: group, stream: stream, stop: make(chan struct{}), stopped: make(chan struct{})}
	_, err := l.client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	var exists *types.ResourceAlreadyExistsException
	if err != nil && !errors.As(err, &exists) {
		return nil, err
	}
	if _, err := l.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil {
		return nil, err
	}
	go l.send(context.WithoutCancel(ctx))
	return l, nil
}

// Write queues the content for sending.
func (l *log) Write(content []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.pending.Write(content)
}

// Close sends the remaining content.
func (l *log) Close() error {
	close(l.stop)
	<-l.stopped
	return l.err
}

func (l *log) send(ctx context.Context) {
	defer close(l.stopped)
	for isLast := false; !isLast; {
		select {
		case <-l.stop:
			isLast = true
		case <-time.After(sendInterval):
		}
		if err := l.put(ctx, l.take(isLast)); err != nil && l.err == nil {
			l.err = err
		}
	}
}

// take removes and returns the complete lines of the queue, or the whole queue.
func (l *log) take(all bool) string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	end := bytes.LastIndexByte(l.pending.Bytes(), '\n') + 1
	if all {
		end = l.pending.Len()
	}
	return string(l.pending.Next(end))
}

func (l *log) put(ctx context.Context, text string) error {
	if text == "" {
		return nil
	}
	var events []types.InputLogEvent
	now := aws.Int64(time.Now().UnixMilli())
	for line := range strings.Lines(text) {
		events = append(events, types.InputLogEvent{Message: aws.String(line), Timestamp: now})
	}
	_, err := l.client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &l.group, LogStreamName: &l.stream, LogEvents: events})
	return err
}
