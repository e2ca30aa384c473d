//go:build linux

package poison

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/test/kit/ecrhost"
)

// simulator evaluates IAM policies: https://www.npmjs.com/package/@cloud-copilot/iam-simulate.
const simulator = "../../constructs/access/simulate.mjs"

// The actions of ECR that a build's requests require.
var (
	pulls  = []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
	pushes = []string{"ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"}
	others = []string{"ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:BatchDeleteImage", "ecr:ListImages", "ecr:DescribeImages"}
)

// widening allows a role additional actions on a repository, in the role's policy and in the
// repository's policy. It removes a guard.
type widening struct {
	// to is the ARN of the role.
	to string
	// on is the repository, HOST/NAME.
	on      string
	actions []string
}

// doors holds the requests that the registries allow: with the synthesized policies, and with each of the
// widenings.
type doors struct {
	asSynthesized map[ecrhost.Ask]bool
	widened       map[string]map[ecrhost.Ask]bool
}

// question is a question for the simulator. It refers to policies by their indexes.
type question struct {
	Principal string         `json:"principal"`
	Action    string         `json:"action"`
	Resource  string         `json:"resource"`
	Account   string         `json:"account"`
	Context   map[string]any `json:"context"`
	Identity  []int          `json:"identity"`
	Policy    *int           `json:"policy"`
}

type mutant struct {
	Documents map[int]any `json:"documents"`
	Questions []int       `json:"questions"`
}

// batch is the simulator's input.
type batch struct {
	Policies  []any      `json:"policies"`
	Questions []question `json:"questions"`
	Mutants   []mutant   `json:"mutants"`

	asks []ecrhost.Ask
	// identity holds the indexes of the policies of each role, repository the index of the policy of each
	// repository.
	identity   map[string][]int
	repository map[string]*int
}

// session returns the principal of the sessions of a role.
func session(role string) string {
	return "arn:aws:sts::" + accountOf(role) + ":assumed-role/" + path.Base(role) + "/1"
}

// accountOf returns the account in an ARN.
func accountOf(arn string) string { return strings.Split(arn, ":")[4] }

// newDoors evaluates the policies for all actions of the two projects and of the function on the repositories.
func newDoors(t *testing.T, a app, repositories []string, widenings map[string]widening) doors {
	t.Helper()
	b := &batch{Mutants: []mutant{}, identity: map[string][]int{}, repository: map[string]*int{}}
	for _, repository := range repositories {
		for _, role := range []string{a.release.ServiceRole, a.pullRequest.ServiceRole, a.function} {
			b.add(t, a, role, repository)
		}
	}
	var names []string
	for name, widening := range widenings {
		names = append(names, name)
		b.widen(widening)
	}
	made := doors{asSynthesized: map[ecrhost.Ask]bool{}, widened: map[string]map[ecrhost.Ask]bool{}}
	answers := b.simulate(t)
	for place, answer := range answers.Answers {
		made.asSynthesized[b.asks[place]] = answer.Allowed
	}
	for i, name := range names {
		made.widened[name] = map[ecrhost.Ask]bool{}
		for place, ask := range b.asks {
			changed, ok := answers.Mutants[i][place]
			made.widened[name][ask] = ok && changed.Allowed || !ok && answers.Answers[place].Allowed
		}
	}
	return made
}

// add adds the questions about a role and a repository, HOST/NAME.
func (b *batch) add(t *testing.T, a app, role, on string) {
	t.Helper()
	host, name, _ := strings.Cut(on, "/")
	parsed, ok := ecr.ParseHost(host)
	require.True(t, ok, host)
	b.addIdentity(t, a, role)
	if policy := a.policy(t, parsed.Account, name); policy != nil && b.repository[on] == nil {
		place := len(b.Policies)
		b.Policies, b.repository[on] = append(b.Policies, policy), &place
	}
	for _, actions := range [][]string{pulls, pushes, others} {
		for _, action := range actions {
			b.asks = append(b.asks, ecrhost.Ask{Principal: session(role), Action: action, Host: host, Repository: name})
			b.Questions = append(b.Questions, question{
				Principal: role, Action: action, Account: parsed.Account,
				Resource: "arn:aws:ecr:" + parsed.Region + ":" + parsed.Account + ":repository/" + name,
				Context:  contextOf(role),
				Identity: b.identity[role], Policy: b.repository[on],
			})
		}
	}
}

// addIdentity adds the policies of a role.
func (b *batch) addIdentity(t *testing.T, a app, role string) {
	t.Helper()
	if _, known := b.identity[role]; known {
		return
	}
	for _, document := range a.identity(t, role) {
		b.identity[role] = append(b.identity[role], len(b.Policies))
		b.Policies = append(b.Policies, document)
	}
}

// contextOf returns the values that conditions of policies compare.
func contextOf(role string) map[string]any {
	return map[string]any{"aws:PrincipalArn": role, "aws:PrincipalAccount": accountOf(role)}
}

// widen adds a mutant: the same policies with an additional statement.
func (b *batch) widen(w widening) {
	host, name, _ := strings.Cut(w.on, "/")
	m := mutant{Documents: map[int]any{}}
	for place, ask := range b.asks {
		if ask.Principal == session(w.to) && ask.Host == host && ask.Repository == name {
			m.Questions = append(m.Questions, place)
		}
	}
	resource := b.Questions[m.Questions[0]].Resource
	identity := b.identity[w.to][0]
	m.Documents[identity] = with(b.Policies[identity], map[string]any{"Effect": "Allow", "Action": w.actions, "Resource": resource})
	if place := b.repository[w.on]; place != nil {
		principal := map[string]any{"AWS": w.to}
		m.Documents[*place] = with(b.Policies[*place], map[string]any{"Effect": "Allow", "Action": w.actions, "Principal": principal})
	}
	b.Mutants = append(b.Mutants, m)
}

// with returns the policy with an additional statement.
func with(policy any, statement map[string]any) map[string]any {
	document := policy.(map[string]any)
	return map[string]any{"Version": document["Version"], "Statement": append(append([]any{}, document["Statement"].([]any)...), statement)}
}

type answers struct {
	Answers []struct{ Allowed bool }
	Mutants []map[int]struct{ Allowed bool }
}

func (b *batch) simulate(t *testing.T) answers {
	t.Helper()
	text, err := json.Marshal(b)
	require.NoError(t, err)
	var written, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "node", simulator)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &written, &problems
	require.NoError(t, cmd.Run(), "node simulate.mjs needs the packages of package-lock.json: run `npm ci`\n%s", &problems)
	var out answers
	require.NoError(t, json.Unmarshal(written.Bytes(), &out))
	require.Len(t, out.Answers, len(b.Questions))
	require.Len(t, out.Mutants, len(b.Mutants))
	return out
}
