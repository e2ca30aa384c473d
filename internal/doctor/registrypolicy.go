package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/layercache/layercache/internal/registry/ecr"
)

// scopeV1Actions are the actions that a registry policy of scope V1 can allow.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
var scopeV1Actions = []string{"ecr:replicateimage", "ecr:batchimportupstreamimage", "ecr:createrepository"}

// registryPolicy checks that the registry policy is of the scope that its statements need, once for each
// registry. It returns nothing for a registry of another account, whose policy cannot be read, and for one
// without a policy.
func (a *account) registryPolicy(client *awsecr.Client, host ecr.Host) []Check {
	const checkName = "registry policy"
	key := host.Account + " " + host.Region
	if a.policiesRead[key] {
		return nil
	}
	a.policiesRead[key] = true
	out, err := client.GetRegistryPolicy(a.ctx, &awsecr.GetRegistryPolicyInput{})
	var missing *types.RegistryPolicyNotFoundException
	switch {
	case errors.As(err, &missing):
		return nil
	case err != nil:
		return []Check{failedCall(checkName, "ecr:GetRegistryPolicy", err)}
	case aws.ToString(out.RegistryId) != host.Account:
		return nil
	}
	actions, err := actionsBeyondV1(aws.ToString(out.PolicyText))
	if err != nil {
		return []Check{{checkName, Skipped, fmt.Sprintf("the registry policy cannot be read: %v", err), ""}}
	}
	if len(actions) == 0 {
		return []Check{{checkName, OK, "its actions are of every policy scope", ""}}
	}
	setting, err := client.GetAccountSetting(a.ctx, &awsecr.GetAccountSettingInput{Name: aws.String("REGISTRY_POLICY_SCOPE")})
	if err != nil {
		return []Check{failedCall(checkName, "ecr:GetAccountSetting", err)}
	}
	return []Check{checkScope(actions, aws.ToString(setting.Value), host.Region)}
}

// checkScope checks the scope of a policy that allows actions which only scope V2 knows.
func checkScope(actions []string, scope, region string) Check {
	if scope == "V1" {
		return Check{"registry policy", Fail, fmt.Sprintf("the registry policy allows %s, which its scope V1 ignores: builds of other accounts are refused where they need it", strings.Join(actions, ", ")),
			fmt.Sprintf("aws ecr put-account-setting --region %s --name REGISTRY_POLICY_SCOPE --value V2", region)}
	}
	return Check{"registry policy", OK, "policy scope " + scope, ""}
}

// actionsBeyondV1 returns the actions that the statements of a registry policy allow and scope V1 ignores.
func actionsBeyondV1(text string) ([]string, error) {
	var policy struct {
		Statement statements `json:"Statement"`
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return nil, err
	}
	var actions []string
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			if s.Effect == "Allow" && !slices.Contains(scopeV1Actions, strings.ToLower(action)) && !slices.Contains(actions, action) {
				actions = append(actions, action)
			}
		}
	}
	return actions, nil
}
