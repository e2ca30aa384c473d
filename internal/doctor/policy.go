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
)

// texts is a text or a list of texts: IAM policies allow both.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// principal is "*" or lists by kind.
type principal map[string]texts

func (p *principal) UnmarshalJSON(data []byte) error {
	var anybody string
	if json.Unmarshal(data, &anybody) == nil {
		*p = principal{"AWS": {anybody}}
		return nil
	}
	return json.Unmarshal(data, (*map[string]texts)(p))
}

type statement struct {
	ID           string          `json:"Sid"`
	Effect       string          `json:"Effect"`
	Principal    principal       `json:"Principal"`
	NotPrincipal json.RawMessage `json:"NotPrincipal"`
	Action       texts           `json:"Action"`
	Condition    map[string]any  `json:"Condition"`
}

// statements is one statement or a list of them.
type statements []statement

func (s *statements) UnmarshalJSON(data []byte) error {
	var one statement
	if json.Unmarshal(data, &one) == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(data, (*[]statement)(s))
}

// isOpen reports whether the statement allows something to every AWS account.
func (s statement) isOpen() bool {
	everybody := slices.Contains(s.Principal["AWS"], "*") || len(s.NotPrincipal) > 0
	return s.Effect == "Allow" && everybody && len(s.Condition) == 0
}

// writes reports whether the statement allows pushes.
func (s statement) writes() bool {
	return slices.ContainsFunc(s.Action, func(action string) bool {
		return matches(strings.ToLower(action), "ecr:putimage")
	})
}

func (r ecrRepository) policy() Check {
	out, err := r.client.GetRepositoryPolicy(r.account.ctx, &awsecr.GetRepositoryPolicyInput{RegistryId: &r.host.Account, RepositoryName: &r.name})
	var missing *types.RepositoryPolicyNotFoundException
	switch {
	case errors.As(err, &missing):
		return Check{"policy", OK, "there is no repository policy: only account " + r.host.Account + " has access", ""}
	case err != nil:
		return failedCall("policy", "ecr:GetRepositoryPolicy", err)
	}
	return checkPolicy(aws.ToString(out.PolicyText))
}

// checkPolicy looks for statements that give access to everybody. Whoever can write a cache controls the
// content of the next image, and whoever can read it sees the source.
func checkPolicy(text string) Check {
	var policy struct {
		Statement statements `json:"Statement"`
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return Check{"policy", Skipped, fmt.Sprintf("the repository policy cannot be read: %v", err), ""}
	}
	for i, s := range policy.Statement {
		if !s.isOpen() {
			continue
		}
		access := "read"
		if s.writes() {
			access = "write"
		}
		id := s.ID
		if id == "" {
			id = fmt.Sprintf("number %d", i+1)
		}
		return Check{"policy", Fail, fmt.Sprintf("statement %s lets every AWS account %s the caches", id, access), "name the accounts, or add a condition such as aws:PrincipalOrgID"}
	}
	return Check{"policy", OK, fmt.Sprintf("%d statements, none of them open to every AWS account", len(policy.Statement)), ""}
}
