package start

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/awsfake"
)

const id = "shop:11111111-2222-3333-4444-555555555555"

// fake is a client of a fake AWS. Its time passes only while it waits.
type fake struct {
	*Client
	server *awsfake.Server
	time   time.Time
	waits  []time.Duration
}

func newFake(t *testing.T, answers map[string]awsfake.Answer) *fake {
	w := &fake{server: awsfake.Serve(t, answers), time: time.Unix(1_770_000_010, 0)}
	w.Client = newClient(w.server.Config(), Account{Region: awsfake.Region}, clock{
		now: func() time.Time { return w.time },
		wait: func(_ context.Context, d time.Duration) {
			w.waits = append(w.waits, d)
			w.time = w.time.Add(d)
		},
	})
	return w
}

// followed is the output of a build that was followed to its end.
type followed struct{ log, notes string }

func (w *fake) follow(ctx context.Context, live bool) (followed, error) {
	var log, notes bytes.Buffer
	err := w.Follow(ctx, Build{ID: id}, Output{Log: &log, Notes: &notes, Live: live})
	return followed{log.String(), notes.String()}, err
}

func phase(kind string, seconds int) awsfake.Phase {
	return awsfake.Phase{Type: kind, Status: "SUCCEEDED", Seconds: seconds}
}

func assertEnded(t *testing.T, err error, status string) {
	t.Helper()
	var ended Ended
	if assert.ErrorAs(t, err, &ended) {
		assert.Equal(t, status, ended.Status)
	}
}
