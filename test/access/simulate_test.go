package access

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// batch is what simulate.mjs reads.
type batch struct {
	Policies  []map[string]any `json:"policies"`
	Questions []question       `json:"questions"`
	Mutants   []mutant         `json:"mutants"`

	places map[string]int
}

// question asks whether a principal may do one IAM action. Policies are named by
// their places in the batch.
type question struct {
	Principal string         `json:"principal"`
	Action    string         `json:"action"`
	Resource  string         `json:"resource"`
	Account   string         `json:"account"`
	Context   map[string]any `json:"context"`
	Identity  []int          `json:"identity"`
	Policy    *int           `json:"policy"`
}

// mutant puts other documents in the place of policies.
type mutant struct {
	Documents map[int]map[string]any `json:"documents"`
	// Questions are the places of those that it can change the answer of.
	Questions []int `json:"questions"`
}

// decision is the simulator's answer to a question.
type decision struct {
	Allowed bool
	// Identity and Resource say which side allows it.
	Identity, Resource bool
	// Why are the statements that decided.
	Why     []string
	Ignored []string
}

// outcome is what simulate.mjs writes; of a mutant the answers that changed, by
// the place of the question.
type outcome struct {
	Answers []decision
	Mutants []map[int]decision
}

// add adds a question once and returns its place.
func (b *batch) add(q question) int {
	text, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	if b.places == nil {
		b.places = map[string]int{}
	}
	place, ok := b.places[string(text)]
	if !ok {
		place = len(b.Questions)
		b.places[string(text)] = place
		b.Questions = append(b.Questions, q)
	}
	return place
}

// simulate has one process answer a batch.
func simulate(t *testing.T, b batch) outcome {
	t.Helper()
	if b.Mutants == nil {
		b.Mutants = []mutant{}
	}
	text, err := json.Marshal(b)
	require.NoError(t, err)
	var written, problems bytes.Buffer
	command := exec.Command("node", script)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(text), &written, &problems
	require.NoError(t, command.Run(), "node simulate.mjs needs the packages of package-lock.json: run `npm ci`\n%s", &problems)
	var out outcome
	require.NoError(t, json.Unmarshal(written.Bytes(), &out))
	require.Len(t, out.Answers, len(b.Questions))
	require.Len(t, out.Mutants, len(b.Mutants))
	return out
}
