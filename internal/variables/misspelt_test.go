package variables

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMisspeltVariables(t *testing.T) {
	for _, c := range []struct {
		name    string
		environ []string
		want    []string
	}{
		{"a missing letter", []string{"LAYERCACHE_REPOSITRY=x"}, []string{"LAYERCACHE_REPOSITRY is not a variable of layercache: did you mean LAYERCACHE_REPOSITORY?"}},
		{"several, in the order of their names", []string{"LAYERCACHE_WRIT=false", "PATH=/bin", "LAYERCACHE_MOD=s3"}, []string{
			"LAYERCACHE_MOD is not a variable of layercache: did you mean LAYERCACHE_MODE?",
			"LAYERCACHE_WRIT is not a variable of layercache: did you mean LAYERCACHE_WRITE?",
		}},
		{"the results of an earlier build, and of the buildspecs", []string{
			"LAYERCACHE_VERDICT=x", "LAYERCACHE_HIT_RATIO=x", "LAYERCACHE_SECONDS=x", "LAYERCACHE_SAVED_SECONDS=x", "LAYERCACHE_WORTH=x",
			"LAYERCACHE_EXPORTED=x", "LAYERCACHE_IMAGE_DIGEST=x", "LAYERCACHE_COMMAND=x",
		}, nil},
		{"known variables", []string{"LAYERCACHE_REPOSITORY=x", "LAYERCACHE_SECRET_NPM=x"}, nil},
		{"a variable of the user that is similar to none", []string{"LAYERCACHE_TEAM_BUDGET=x"}, nil},
		{"a variable of another program", []string{"LAYERCAKE_REPOSITRY=x"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, MisspeltIn(c.environ)) })
	}
}
