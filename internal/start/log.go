package start

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// maxEmptyPages limits the empty pages in one read. CloudWatch Logs may return empty pages although more
// events follow.
const maxEmptyPages = 20

// logStream reads a build's log. Each read continues where the last one ended.
type logStream struct {
	token *string
	// unavailable is why there is no log to read; empty while there may be one.
	unavailable string
}

// locate returns where the log is; known is false until CodeBuild has created it. It sets unavailable when
// there is no log.
func (l *logStream) locate(at *types.LogsLocation) (group, stream string, known bool) {
	if l.unavailable != "" || at == nil {
		return "", "", false
	}
	if at.CloudWatchLogs != nil && at.CloudWatchLogs.Status == types.LogsConfigStatusTypeDisabled {
		l.unavailable = "the project writes no log to CloudWatch Logs"
		if at.S3Logs != nil && at.S3Logs.Status == types.LogsConfigStatusTypeEnabled {
			l.unavailable += "; it writes one to S3, at " + oneLine(aws.ToString(at.S3Logs.Location))
		}
		return "", "", false
	}
	group, stream = aws.ToString(at.GroupName), aws.ToString(at.StreamName)
	return group, stream, group != "" && stream != ""
}

// read calls event for each log event since the last read. fresh reports whether there was one.
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
func (l *logStream) read(ctx context.Context, c *Client, at *types.LogsLocation, event func(string)) (fresh bool, err error) {
	group, stream, known := l.locate(at)
	if !known {
		return false, nil
	}
	for empty := 0; empty < maxEmptyPages; {
		page, err := c.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &group, LogStreamName: &stream, NextToken: l.token, StartFromHead: aws.Bool(true),
		}, func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = maxAttempts })
		switch {
		case isNotFound(err):
			return fresh, nil
		case isDenied(err):
			l.unavailable = "logs:GetLogEvents is not allowed on log group " + group
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
		// At the end of the log, the response has the token of the request.
		if page.NextForwardToken == nil || aws.ToString(l.token) == *page.NextForwardToken {
			return fresh, nil
		}
		l.token = page.NextForwardToken
	}
	return fresh, nil
}
