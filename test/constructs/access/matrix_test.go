package access

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// answer is the result for one cell of the matrix.
type answer string

const (
	yes answer = "yes"
	// no is a refusal. For a role of the templates and a target in another account, it means that both the role's
	// policy and the resource's refuse.
	no answer = "no"
	// In these two only one side refuses; the policies of the other side would allow it.
	byRoleAlone     answer = "no, refused only by the role's policy"
	byResourceAlone answer = "no, refused only by the resource's policy"
)

// cell is one principal, action and target.
type cell struct {
	who    principal
	action action
	target target
	// questions are the indexes of its questions in the batch, one per IAM action.
	questions []int
	// crossAccount reports whether principal and target are in different accounts.
	crossAccount bool
}

func (c cell) String() string {
	return fmt.Sprintf("%s: %s by %s", c.target.name, c.action.name, c.who.name)
}

// cells returns all cells of the matrix and adds their questions to the batch.
func (w *matrix) cells(b *batch) []cell {
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
				c := cell{who: p, action: a, target: t, crossAccount: p.source == nil && p.account != t.account}
				for _, name := range a.iam {
					c.questions = append(c.questions, b.add(w.question(c, name, offset)))
				}
				all = append(all, c)
			}
		}
	}
	return all
}

func (w *matrix) question(c cell, action string, offset int) question {
	arn, account := c.target.resourceOf(action, c.who)
	q := question{Principal: c.who.arn, Action: action, Resource: arn, Account: account, Context: c.who.context(c.target), Identity: []int{}}
	for _, index := range c.who.identity {
		q.Identity = append(q.Identity, index+offset)
	}
	if c.target.policy != nil && action != signIn {
		index := *c.target.policy + offset
		q.Policy = &index
	}
	return q
}

// decide returns the answer of a cell from the decisions on its questions.
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
	case !c.crossAccount || !c.who.fromTemplate || identity == resource:
		return no
	case resource:
		return byRoleAlone
	default:
		return byResourceAlone
	}
}

// why lists, for each IAM action, the statements that decided.
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

func TestThePoliciesGiveTheExpectedAnswers(t *testing.T) {
	var questions batch
	cells, expected := map[string][]cell{}, map[string]expectations{}
	for _, w := range matrices(t) {
		cells[w.name], expected[w.name] = w.cells(&questions), readExpectations(t, w)
	}
	decisions := simulate(t, questions).Answers
	for name, list := range cells {
		assert.NotEmpty(t, list)
		for _, c := range list {
			want, known := expected[name].of(c)
			if assert.True(t, known, "%s: no expected answer for %s", name, c) {
				got := c.decide(func(q int) decision { return decisions[q] })
				assert.Equal(t, want, got, "%s: %s\n%s", name, c, c.why(decisions))
			}
		}
	}
	for _, d := range decisions {
		assert.Empty(t, d.Ignored, "the simulator ignored these condition keys")
	}
	t.Logf("%d questions about %d policies", len(questions.Questions), len(questions.Policies))
}
