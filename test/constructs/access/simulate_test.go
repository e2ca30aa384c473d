package access

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// batch is the input of simulate.mjs.
type batch struct {
	Policies  []map[string]any `json:"policies"`
	Questions []question       `json:"questions"`
	Mutants   []mutant         `json:"mutants"`

	indexes map[string]int
}

// question asks whether a principal may do one IAM action. Policies are given by their index in the batch.
type question struct {
	Principal string         `json:"principal"`
	Action    string         `json:"action"`
	Resource  string         `json:"resource"`
	Account   string         `json:"account"`
	Context   map[string]any `json:"context"`
	Identity  []int          `json:"identity"`
	Policy    *int           `json:"policy"`
}

// mutant replaces some policies of the batch.
type mutant struct {
	Documents map[int]map[string]any `json:"documents"`
	// Questions are the indexes of the questions whose answers it can change.
	Questions []int `json:"questions"`
}

// decision is the simulator's answer to a question.
type decision struct {
	Allowed bool
	// Identity and Resource report whether that side allows it.
	Identity, Resource bool
	// Why lists the statements that decided.
	Why     []string
	Ignored []string
}

// outcome is the output of simulate.mjs. For a mutant it holds only the changed answers, by question index.
type outcome struct {
	Answers []decision
	Mutants []map[int]decision
}

// add adds a question unless it is there already, and returns its index.
func (b *batch) add(q question) int {
	text, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	if b.indexes == nil {
		b.indexes = map[string]int{}
	}
	index, ok := b.indexes[string(text)]
	if !ok {
		index = len(b.Questions)
		b.indexes[string(text)] = index
		b.Questions = append(b.Questions, q)
	}
	return index
}

// simulate runs simulate.mjs on a batch.
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
