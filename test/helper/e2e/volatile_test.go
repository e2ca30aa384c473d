package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStepsDoNotWaitForTheDisk(t *testing.T) {
	t.Parallel()
	w := newMachine(t)
	w.write("a", "1\n")
	w.write("b", "2\n")
	// The cache mount is an overlay that two steps mount, and COPY of two files mounts its overlay twice.
	w.write("Dockerfile", `FROM `+base+` AS seed
RUN mkdir /seed && echo one > /seed/file
FROM `+base+`
WORKDIR /app
RUN grep ' / overlay ' /proc/mounts
RUN --mount=type=cache,from=seed,source=/seed,target=/kept echo two >> /kept/file
RUN --mount=type=cache,from=seed,source=/seed,target=/kept cp /kept/file both
COPY a b ./
RUN chown 1:1 a && chmod 700 /bin/busybox
`)
	built := w.succeeds(w.build())
	assert.Regexp(t, `overlay / overlay \S*\bvolatile\b`, built.log)
	image := w.pulled(w.image())
	assert.Equal(t, "one\ntwo\n", fileOf(t, image, "app/both"))
	assert.Equal(t, "1\n", fileOf(t, image, "app/a"))
	assert.Equal(t, "2\n", fileOf(t, image, "app/b"))
}
