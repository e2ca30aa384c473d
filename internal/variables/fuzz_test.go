package variables

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every variable gets the same value, and has to accept it or return a problem.
func FuzzFromEnv(f *testing.F) {
	for _, seed := range []string{"", "true", "localhost:5000/cache", "docker.io=localhost:5000/hub", "bucket/prefix/", "9", "NaN", "a,b,,c", "\x00", "arn:aws:iam::111122223333:role/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := FromEnv(func(string) (string, bool) { return value, true })
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotEmpty(t, s.Mode)
	})
}
