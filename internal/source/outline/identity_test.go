package outline

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parsed returns the outline of a Dockerfile whose steps took these files from the context, by the first source.
func parsed(t *testing.T, dockerfile string, files map[string]string, args map[string]string) *Outline {
	t.Helper()
	o, err := Parse([]byte(dockerfile), Options{Args: args})
	require.NoError(t, err)
	o.ContextSteps(func(step *Step) { step.Files = files[step.Selections[0].Sources[0]] })
	return o
}

// lastOf returns the place of the last step of a stage.
func lastOf(o *Outline, stage int) Place { return Place{stage, len(o.Stages[stage].Steps) - 1} }

func TestIdentityOfASharedStep(t *testing.T) {
	const shared = "FROM golang AS deps\nWORKDIR /src\nCOPY go.mod .\nRUN go mod download\n"
	files := map[string]string{"go.mod": "one"}
	own := parsed(t, shared+"FROM scratch\nCOPY --from=deps /src /src\n", files, nil)
	want, known := own.Identity(lastOf(own, 0))
	require.True(t, known)
	for _, c := range []struct {
		name       string
		dockerfile string
		files      map[string]string
		args       map[string]string
		same       bool
	}{
		{"another Dockerfile with the same steps", shared + "RUN echo another\n", files, nil, true},
		{"another name of the stage", "FROM golang AS packages\nWORKDIR /src\nCOPY go.mod .\nRUN go mod download\n", files, nil, true},
		{"a stage cut in two", "FROM golang AS a\nWORKDIR /src\nFROM a\nCOPY go.mod .\nRUN go mod download\n", files, nil, true},
		{"other files", shared, map[string]string{"go.mod": "two"}, nil, false},
		{"another step before it", "FROM golang\nWORKDIR /other\nCOPY go.mod .\nRUN go mod download\n", files, nil, false},
		{"another base image", "FROM alpine\nWORKDIR /src\nCOPY go.mod .\nRUN go mod download\n", files, nil, false},
		{"another argument that the step sees", "FROM golang\nARG V\nWORKDIR /src\nCOPY go.mod .\nRUN go mod download\n", files, map[string]string{"V": "1"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := parsed(t, c.dockerfile, c.files, c.args)
			found := false
			for stage := range other.Stages {
				for step := range other.Stages[stage].Steps {
					identity, known := other.Identity(Place{stage, step})
					require.True(t, known)
					found = found || identity == want
				}
			}
			assert.Equal(t, c.same, found)
		})
	}
	t.Run("it is not known without the files, nor that of later steps and stages", func(t *testing.T) {
		unread := parsed(t, shared+"FROM scratch\nCOPY --from=deps /src /src\n", nil, nil)
		for _, place := range []Place{lastOf(unread, 0), lastOf(unread, 1)} {
			_, known := unread.Identity(place)
			assert.False(t, known)
		}
		_, known := unread.Identity(Place{0, 0})
		assert.True(t, known, "WORKDIR takes no files")
	})
	t.Run("the steps that the target needs are known before the build", func(t *testing.T) {
		o, err := Parse([]byte("FROM golang AS a\nRUN make\nFROM golang AS b\nRUN other\n"), Options{Target: "a"})
		require.NoError(t, err)
		want, known := o.Identity(Place{0, 0})
		require.True(t, known)
		identities, known := o.Identities()
		assert.True(t, known)
		assert.Equal(t, []string{want}, identities)
		_, known = parsed(t, shared, nil, nil).Identities()
		assert.False(t, known, "the files have not been read")
	})
	t.Run("a linked copy does not depend on the steps before it, but later steps do", func(t *testing.T) {
		link := func(before string) (copied, last string) {
			o := parsed(t, "FROM golang AS deps\nRUN make\nFROM alpine\n"+before+"COPY --link --from=deps /a /a\nRUN last\n", nil, nil)
			at := lastOf(o, 1)
			last, _ = o.Identity(at)
			copied, _ = o.Identity(Place{at.Stage, at.Step - 1})
			return copied, last
		}
		copied, last := link("")
		otherCopied, otherLast := link("RUN before\n")
		assert.Equal(t, copied, otherCopied)
		assert.NotEqual(t, last, otherLast)
	})
}

func TestAStepIsFoundAsBuildKitShowsIt(t *testing.T) {
	o := parsed(t, "FROM base\nRUN\tone two\nCOPY a /a\n", nil, nil)
	at, found := o.Locate("", 2, "RUN\tONE two")
	require.True(t, found)
	assert.Equal(t, Place{0, 0}, at)
}
