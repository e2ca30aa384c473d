package access

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/examples"
)

// answer is what one cell of the matrix comes to.
type answer string

const (
	yes answer = "yes"
	// no is a refusal; a role of ours that wants something in another account is
	// refused by its own policy and by that of the resource.
	no answer = "no"
	// Half a refusal: the policies of one side would allow it.
	byRoleAlone     answer = "no, by the policy of the role alone"
	byResourceAlone answer = "no, by the policy of the resource alone"
)

// cell is a principal, an action and a target of a world.
type cell struct {
	who    principal
	action action
	target target
	// questions are the places of the questions, one for each IAM action.
	questions []int
	// across says that principal and target are in different accounts.
	across bool
}

func (c cell) String() string {
	return fmt.Sprintf("%s: %s by %s", c.target.name, c.action.name, c.who.name)
}

// cells are all of a world, each with its questions added to the batch.
func (w *world) cells(b *batch) []cell {
	offset := len(b.Policies)
	for _, d := range w.documents {
		b.Policies = append(b.Policies, d.body)
	}
	var all []cell
	for _, t := range w.targets {
		for _, a := range kinds[t.kind] {
			for _, p := range w.principals {
				if p.source != nil && t.kind != "role" {
					continue
				}
				c := cell{who: p, action: a, target: t, across: p.source == nil && p.account != t.account}
				for _, name := range a.iam {
					c.questions = append(c.questions, b.add(w.question(c, name, offset)))
				}
				all = append(all, c)
			}
		}
	}
	return all
}

func (w *world) question(c cell, action string, offset int) question {
	arn, account := c.target.resourceOf(action, c.who)
	q := question{Principal: c.who.arn, Action: action, Resource: arn, Account: account, Context: c.who.context(c.target), Identity: []int{}}
	for _, place := range c.who.identity {
		q.Identity = append(q.Identity, place+offset)
	}
	if c.target.policy != nil && action != signIn {
		place := *c.target.policy + offset
		q.Policy = &place
	}
	return q
}

// decide is the answer of a cell.
func (c cell) decide(decision func(question int) decision) answer {
	allowed, identity, resource := true, true, true
	for i, q := range c.questions {
		d := decision(q)
		allowed = allowed && d.Allowed
		identity = identity && d.Identity
		resource = resource && (d.Resource || c.action.iam[i] == signIn)
	}
	switch {
	case allowed:
		return yes
	case !c.across || !c.who.ours || identity == resource:
		return no
	case resource:
		return byRoleAlone
	default:
		return byResourceAlone
	}
}

// why are the statements that decided, by the IAM action.
func (c cell) why(decisions []decision) string {
	var lines []string
	for i, q := range c.questions {
		statements := decisions[q].Why
		if len(statements) == 0 {
			statements = []string{"no statement allows it"}
		}
		lines = append(lines, fmt.Sprintf("  %s (allowed: %v) by %s", c.action.iam[i], decisions[q].Allowed, strings.Join(statements, "\n    and ")))
	}
	return strings.Join(lines, "\n")
}

func TestWhoMayDoWhatInTheExamplesIsWhatIsWrittenDown(t *testing.T) {
	all, err := examples.All()
	require.NoError(t, err)
	var questions batch
	cells, expected := map[string][]cell{}, map[string]expectations{}
	for _, example := range all {
		w := newWorld(t, example)
		cells[w.name], expected[w.name] = w.cells(&questions), readExpectations(t, w)
	}
	decisions := simulate(t, questions).Answers
	for name, list := range cells {
		assert.NotEmpty(t, list)
		for _, c := range list {
			want, known := expected[name].of(c)
			if assert.True(t, known, "%s: nothing is written down for %s", name, c) {
				got := c.decide(func(q int) decision { return decisions[q] })
				assert.Equal(t, want, got, "%s: %s\n%s", name, c, c.why(decisions))
			}
		}
	}
	for _, d := range decisions {
		assert.Empty(t, d.Ignored, "condition keys that the simulator does not pass on")
	}
	t.Logf("%d questions about %d policies", len(questions.Questions), len(questions.Policies))
}
