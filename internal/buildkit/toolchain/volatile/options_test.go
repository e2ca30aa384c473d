package volatile

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOptions(t *testing.T) {
	work := filepath.Join(t.TempDir(), "work")
	writable := []string{"workdir=" + work, "upperdir=/upper", "lowerdir=/lower"}
	cases := []struct {
		name, variable string
		options, want  []string
	}{
		{"an overlay that can be written to", "1", writable, append(writable, "volatile")},
		{"an overlay that is only read", "1", []string{"ro", "lowerdir=/a:/b"}, []string{"ro", "lowerdir=/a:/b"}},
		{"no overlay", "1", []string{"rbind", "ro"}, []string{"rbind", "ro"}},
		{"a kernel that does not know it", "", writable, writable},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(Variable, c.variable)
			assert.Equal(t, c.want, Options(c.options))
			assert.Len(t, writable, 3, "the options of the caller stay as they are")
		})
	}
}
