package start

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// mostEmptyPages bounds how many pages without an event are passed over in one read: CloudWatch Logs may answer with some
// though there are events behind them.
const mostEmptyPages = 20

// logStream is a build's log, read from where the last read ended.
type logStream struct {
	token *string
	// silent says why there is no log to read; empty while there may be one.
	silent string
}

// locate finds out where the log is, or why there is none; known is false until CodeBuild has made it.
func (l *logStream) locate(at *types.LogsLocation) (group, stream string, known bool) {
	if l.silent != "" || at == nil {
		return "", "", false
	}
	if at.CloudWatchLogs != nil && at.CloudWatchLogs.Status == types.LogsConfigStatusTypeDisabled {
		l.silent = "the project keeps no log in CloudWatch Logs"
		if at.S3Logs != nil && at.S3Logs.Status == types.LogsConfigStatusTypeEnabled {
			l.silent += "; it will be in S3, at " + oneLine(aws.ToString(at.S3Logs.Location))
		}
		return "", "", false
	}
	group, stream = aws.ToString(at.GroupName), aws.ToString(at.StreamName)
	return group, stream, group != "" && stream != ""
}

// read hands on every event that has come since the last read, and says whether there was one.
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
func (l *logStream) read(ctx context.Context, c *Client, at *types.LogsLocation, event func(string)) (fresh bool, err error) {
	group, stream, known := l.locate(at)
	if !known {
		return false, nil
	}
	for empty := 0; empty < mostEmptyPages; {
		page, err := c.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &group, LogStreamName: &stream, NextToken: l.token, StartFromHead: aws.Bool(true),
		}, func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = patience })
		switch {
		case isNotFound(err):
			return fresh, nil
		case isDenied(err):
			l.silent = "not allowed to logs:GetLogEvents on log group " + group
			return fresh, nil
		case err != nil:
			return fresh, fmt.Errorf("read log stream %s of %s: %w", stream, group, err)
		}
		for _, e := range page.Events {
			event(aws.ToString(e.Message))
		}
		if len(page.Events) > 0 {
			fresh, empty = true, 0
		} else {
			empty++
		}
		// The end answers with the token that it was given.
		if page.NextForwardToken == nil || aws.ToString(l.token) == *page.NextForwardToken {
			return fresh, nil
		}
		l.token = page.NextForwardToken
	}
	return fresh, nil
}
