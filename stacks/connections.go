package stacks

import (
	"fmt"
	"regexp"

	"github.com/layercache/layercache/constructs/validation"
)

// connectionForm has the groups partition, region and account.
var connectionForm = regexp.MustCompile(`^arn:([a-z0-9-]+):(?:codeconnections|codestar-connections):([a-z0-9-]+):([0-9]{12}):connection/[A-Za-z0-9-]+$`)

// validateConnection checks that the builds of a place can use its connection. CodeBuild uses connections of other regions,
// but not those that were created in an opt-in region:
// https://docs.aws.amazon.com/codebuild/latest/userguide/connections-github-app.html.
func validateConnection(found *validation.Problems, p place) {
	key := p.key + ".connection"
	if p.connection == "" {
		return
	}
	match := connectionForm.FindStringSubmatch(p.connection)
	if match == nil {
		found.Add(key, fmt.Sprintf("%q has the wrong form", p.connection), "give arn:PARTITION:codeconnections:REGION:ACCOUNT:connection/ID")
		return
	}
	partition, region, account := match[1], match[2], match[3]
	ofBuilds := partitions()[p.region]
	switch {
	case p.account != "" && account != p.account:
		found.Add(key, fmt.Sprintf("is in account %s, but the builds are in %s", account, p.account), "create a connection in the account of the builds, and give its ARN")
	case ofBuilds != "" && partition != ofBuilds:
		found.Add(key, fmt.Sprintf("is in the partition %s, but the builds are in %s", partition, ofBuilds), "create a connection in "+p.region+", and give its ARN")
	case p.region != "" && region != p.region && optInRegions()[region] == "YES":
		found.Add(key, fmt.Sprintf("is in %s, an opt-in region, whose connections work only there, but the builds are in %s", region, p.region),
			"create a connection in "+p.region+", and give its ARN")
	}
}
