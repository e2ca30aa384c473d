package payoff

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhetherAMountWillBeUsed(t *testing.T) {
	step := []Step{{Command: "a", Seconds: 10}}
	useless := Use{Restored: true, RestoreSeconds: 5, Steps: step}
	for _, c := range []struct {
		name   string
		builds []Use
		want   bool
	}{
		{"a mount that no build has used is not known", nil, false},
		{"a mount that the last build saved is used", []Use{{Steps: step}}, true},
		{"a mount without a step that succeeded is not known", []Use{{}}, false},
		{"a mount whose restores cost more than they save is left empty", []Use{{Steps: step}, useless, useless, useless}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, MountHistory{ID: "id", Builds: c.builds}.WillUse())
		})
	}
}
