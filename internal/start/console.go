package start

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// consoles are the domains of the console by partition.
var consoles = map[string]string{
	"aws":        "console.aws.amazon.com",
	"aws-cn":     "console.amazonaws.cn",
	"aws-us-gov": "console.amazonaws-us-gov.com",
}

// consoleURL returns the URL of the build in the console, or "" if the partition's console is not known.
func consoleURL(build Build) string {
	parsed, err := arn.Parse(build.ARN)
	console := consoles[parsed.Partition]
	if err != nil || console == "" {
		return ""
	}
	kind := "build"
	if build.Batch {
		kind = "batch"
	}
	project, _, _ := strings.Cut(build.ID, ":")
	return fmt.Sprintf("https://%s.%s/codesuite/codebuild/%s/projects/%s/%s/%s/?region=%s", parsed.Region, console,
		parsed.AccountID, project, kind, strings.ReplaceAll(build.ID, ":", "%3A"), parsed.Region)
}
