package docker

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASignalEndsTheWaitForAPassword(t *testing.T) {
	silent, keepOpen := io.Pipe()
	defer keepOpen.Close()
	stopped := errors.New("stopped by a signal")
	ctx, stop := context.WithCancelCause(t.Context())
	stop(stopped)
	_, err := (&docker{Request: Request{Stdin: silent}}).readPassword(ctx)
	assert.ErrorIs(t, err, stopped)

	password, err := (&docker{Request: Request{Stdin: strings.NewReader("secret\n")}}).readPassword(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "secret\n", password)
}
