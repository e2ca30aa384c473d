package access

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/examples"
)

// equivalent are the ways to break a policy that change nothing, by the end of
// their names, with the reason.
var equivalent = map[string]string{
	"ecr:PutImage): widen Principal to *":               "aws:PrincipalArn in the Condition names the account as well",
	"ecr:GetDownloadUrlForLayer): widen Principal to *": "aws:PrincipalArn in the Condition names the account as well",
	"(cloudwatch:PutMetricData): widen Action to cloudwatch:*": "no other action has the key cloudwatch:namespace, " +
		"so that the Condition refuses it",
}

// brokenExamples are the examples whose policies are broken, and which ways to
// break them count. In organization those of the repositories alone, since the
// others are like those of three-accounts, and not what takes away, since its
// writers are named twice: by account and by organizational unit.
var brokenExamples = map[string]func(name string) bool{
	"one-account":    func(string) bool { return true },
	"three-accounts": func(string) bool { return true },
	"organization": func(name string) bool {
		return strings.Contains(name, " repository, ") && !strings.HasSuffix(name, ": drop it") && !strings.Contains(name, ": drop ecr:")
	},
}

func TestEveryWayToBreakAPolicyTurnsTheMatrixRed(t *testing.T) {
	all, err := examples.All()
	require.NoError(t, err)
	used := map[string]bool{}
	for _, example := range all {
		counts, ok := brokenExamples[example.Name]
		if !ok {
			continue
		}
		w := newWorld(t, example)
		every := append(w.breakAll(), w.grantAll(t)...)
		ways, asked := slices.DeleteFunc(every, func(way broken) bool { return !counts(way.name) }), 0
		var questions batch
		cells := w.cells(&questions)
		for _, way := range ways {
			m := mutant{Documents: way.documents, Questions: questions.touched(way)}
			asked += len(m.Questions)
			questions.Mutants = append(questions.Mutants, m)
		}
		out := simulate(t, questions)
		killed := 0
		for i, way := range ways {
			dead := slices.ContainsFunc(cells, func(c cell) bool {
				before := c.decide(func(q int) decision { return out.Answers[q] })
				return before != c.decide(func(q int) decision {
					if changed, ok := out.Mutants[i][q]; ok {
						return changed
					}
					return out.Answers[q]
				})
			})
			reason := equivalentTo(way.name)
			used[reason] = true
			if dead {
				killed++
			}
			assert.NotEqual(t, dead, reason != "", "%s: %s\nturns the matrix red: %v; explained as changing nothing: %q", w.name, way.name, dead, reason)
		}
		t.Logf("%s: %d ways to break a policy, %d turn the matrix red, %d questions", w.name, len(ways), killed, asked)
	}
	for end := range equivalent {
		assert.True(t, used[end], "no way to break a policy is explained by %q any more", end)
	}
}

// equivalentTo is the key of the explanation of a way to break a policy.
func equivalentTo(name string) string {
	for _, end := range slices.Sorted(maps.Keys(equivalent)) {
		if strings.HasSuffix(name, end) {
			return end
		}
	}
	return ""
}

// grantAll are the ways to give the roles of pull requests PutImage where they
// may not push, and CreateRepository where base images are cached.
func (w *world) grantAll(t *testing.T) []broken {
	t.Helper()
	written := readExpectations(t, w)
	var all []broken
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

// touched are the places of the questions that a broken policy has a part in.
func (b *batch) touched(way broken) []int {
	places := []int{}
	for place, q := range b.Questions {
		takesPart := q.Policy != nil && way.documents[*q.Policy] != nil
		for _, identity := range q.Identity {
			takesPart = takesPart || way.documents[identity] != nil
		}
		matches := func(pattern string) bool {
			ok, err := path.Match(pattern, q.Action)
			return ok && err == nil
		}
		if takesPart && slices.ContainsFunc(way.actions, matches) {
			places = append(places, place)
		}
	}
	return places
}
