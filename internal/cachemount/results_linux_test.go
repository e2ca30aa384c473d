package cachemount

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOfSeveralCopiesTheOthersSayWhyTheyAreNotSaved(t *testing.T) {
	for name, order := range map[string][]string{"the last one": {"1", "2"}, "the first one": {"1", "2", "1"}} {
		t.Run(name, func(t *testing.T) {
			store := InFolder(t.TempDir())
			session := NewSession(Options{Stores: func() ([]Store, Store) { return []Store{store}, store }, Silence: time.Second, Temp: t.TempDir()})
			dirs := map[string]string{"1": t.TempDir(), "2": t.TempDir()}
			for _, copied := range order {
				mounts := []Mount{{ID: "id", Copy: copied, Dir: dirs[copied], Kept: dirs[copied]}}
				begin := time.Now()
				session.BeforeStep(context.Background(), mounts)
				session.AfterStep(mounts, begin, time.Second, writes("file of "+copied)(dirs[copied]))
				time.Sleep(time.Millisecond)
			}
			session.Save(context.Background())
			results := session.Results()
			require.Len(t, results, 2)
			last := order[len(order)-1]
			for i, result := range results {
				saved := last == []string{"1", "2"}[i]
				require.Equal(t, saved, result.Saved)
				require.Equal(t, map[bool]NotSaved{true: "", false: OtherCopy}[saved], result.NotSaved)
			}
			found, _ := newBuilds(t, store).run(writes())
			require.Equal(t, []string{"file of " + last}, found)
		})
	}
}

func TestAProblemOfTheSaveDoesNotHideThatOfTheRestore(t *testing.T) {
	b := newBuilds(t, InFolder(t.TempDir()))
	_, _ = b.run(writes("a"))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	b.target = InFolder(file)
	b.open = func(Store, Blob) (io.ReadCloser, error) { return nil, os.ErrNotExist }
	_, result := b.run(writes("b"))
	require.Regexp(t, `^not restored: .*; not saved: .*$`, result.Problem)
	require.Empty(t, result.NotSaved)
	require.False(t, result.SaveBegin.IsZero())
}
