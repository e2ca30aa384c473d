//go:build linux

package soak

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const base = "public.ecr.aws/docker/library/busybox:1.37"

// app is a version of an application: its source changes between versions, its dependencies do not.
type app struct{ number, version int }

// name returns the name of the app, its cache and its image.
func (a app) name() string { return fmt.Sprintf("app%d", a.number) }

// dockerfile returns a Dockerfile whose number of steps depends on the app.
func (a app) dockerfile() string {
	var steps strings.Builder
	for i := range a.number % 4 {
		fmt.Fprintf(&steps, "RUN echo %s %d >> installed\n", a.name(), i)
	}
	return `FROM ` + base + ` AS build
WORKDIR /app
COPY deps .
RUN cat deps > installed
` + steps.String() + `COPY src .
RUN cat installed src > program
FROM scratch
COPY --from=build --link /app/program /program
`
}

// write writes the sources into a folder.
func (a app) write(t *testing.T, dir string) {
	t.Helper()
	deps := make([]byte, 256<<10)
	_, _ = rand.NewChaCha8([32]byte{byte(a.number)}).Read(deps)
	for file, content := range map[string]string{
		"Dockerfile": a.dockerfile(), "deps": string(deps), "src": fmt.Sprintf("version %d of %s\n", a.version, a.name()),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644))
	}
}
