package access

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// equivalent lists the mutations that change no answer, by the end of their names, with the reason.
var equivalent = map[string]string{
	"ecr:PutImage): widen Principal to *":               "aws:PrincipalArn in the Condition names the account as well",
	"ecr:GetDownloadUrlForLayer): widen Principal to *": "aws:PrincipalArn in the Condition names the account as well",
	"(cloudwatch:PutMetricData): widen Action to cloudwatch:*": "no other action has the key cloudwatch:namespace, " +
		"so that the Condition refuses it",
}

// brokenExamples lists the examples whose policies are mutated, with a filter on the names of the mutations.
// For roll-out only the policies of the function are mutated. For organization only the policies of repositories are mutated: the others are like those of
// three-accounts. There, mutations that remove permissions are left out, because each writer is allowed
// twice, by account and by organizational unit.
var brokenExamples = map[string]func(name string) bool{
	"deployed":    func(string) bool { return true },
	"one-account": func(string) bool { return true },
	"roll-out": func(name string) bool {
		return strings.Contains(name, "RollOut") || strings.HasPrefix(name, "roll-out function")
	},
	"three-accounts": func(string) bool { return true },
	// Who may assume the roles and write their logs is not from the attachment.
	attachedName: func(name string) bool {
		return !strings.Contains(name, " trust, ") && !strings.Contains(name, "(logs:")
	},
	"organization": func(name string) bool {
		return strings.Contains(name, " repository, ") && !strings.HasSuffix(name, ": drop it") && !strings.Contains(name, ": drop ecr:")
	},
}

func TestEveryMutationOfAPolicyChangesAnAnswer(t *testing.T) {
	used := map[string]bool{}
	for _, w := range matrices(t) {
		included, ok := brokenExamples[w.name]
		if !ok {
			continue
		}
		every := append(w.breakAll(), w.grantAll(t)...)
		mutations, asked := slices.DeleteFunc(every, func(m mutation) bool { return !included(m.name) }), 0
		var questions batch
		cells := w.cells(&questions)
		for _, mutated := range mutations {
			m := mutant{Documents: mutated.documents, Questions: questions.affected(mutated)}
			asked += len(m.Questions)
			questions.Mutants = append(questions.Mutants, m)
		}
		out := simulate(t, questions)
		detectedCount := 0
		for i, mutated := range mutations {
			detected := slices.ContainsFunc(cells, func(c cell) bool {
				before := c.decide(func(q int) decision { return out.Answers[q] })
				return before != c.decide(func(q int) decision {
					if changed, ok := out.Mutants[i][q]; ok {
						return changed
					}
					return out.Answers[q]
				})
			})
			reason := equivalentTo(mutated.name)
			used[reason] = true
			if detected {
				detectedCount++
			}
			assert.NotEqual(t, detected, reason != "", "%s: %s\nchanges an answer: %v; listed as equivalent: %q", w.name, mutated.name, detected, reason)
		}
		t.Logf("%s: %d mutations, %d detected, %d questions", w.name, len(mutations), detectedCount, asked)
	}
	for end := range equivalent {
		assert.True(t, used[end], "no mutation matches the entry %q of equivalent any more", end)
	}
}

// equivalentTo returns the key in equivalent that matches a mutation's name, or "".
func equivalentTo(name string) string {
	for _, end := range slices.Sorted(maps.Keys(equivalent)) {
		if strings.HasSuffix(name, end) {
			return end
		}
	}
	return ""
}

// grantAll returns mutations that allow roles of pull requests PutImage where they may not push, and
// CreateRepository where base images are cached.
func (w *matrix) grantAll(t *testing.T) []mutation {
	t.Helper()
	written := readExpectations(t, w)
	var all []mutation
	for _, role := range w.principals {
		for _, repository := range w.targets {
			if !strings.Contains(role.name, "pull request") || !slices.Contains([]string{"repository", "pull-through"}, repository.kind) {
				continue
			}
			answer, known := written.of(cell{who: role, action: push, target: repository})
			require.True(t, known)
			if answer == no {
				all = append(all, w.grant(role, "ecr:PutImage", repository)...)
			}
			if repository.kind == "pull-through" {
				all = append(all, w.grant(role, createRepository, repository)...)
			}
		}
	}
	return all
}

// affected returns the indexes of the questions that depend on a mutated policy and ask about a mutated
// action.
func (b *batch) affected(m mutation) []int {
	indexes := []int{}
	for index, q := range b.Questions {
		usesPolicy := q.Policy != nil && m.documents[*q.Policy] != nil
		for _, identity := range q.Identity {
			usesPolicy = usesPolicy || m.documents[identity] != nil
		}
		matches := func(pattern string) bool {
			ok, err := path.Match(pattern, q.Action)
			return ok && err == nil
		}
		if usesPolicy && slices.ContainsFunc(m.actions, matches) {
			indexes = append(indexes, index)
		}
	}
	return indexes
}
