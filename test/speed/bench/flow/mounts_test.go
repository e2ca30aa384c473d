package flow

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/test/speed/bench/workload"
)

func TestMountsAreCopiedInAndOut(t *testing.T) {
	mounts := []workload.Mount{{Flag: "type=cache,target=/a/", Target: "/a/"}, {Flag: "type=cache,id=b,target=/b", Target: "/b"}}
	assert.Equal(t, "FROM saved\n"+
		"RUN --mount=type=cache,target=/a/ mkdir -p /a/ && cp -p -R /saved/0/. /a//\n"+
		"RUN --mount=type=cache,id=b,target=/b mkdir -p /b && cp -p -R /saved/1/. /b/\n", copying("saved", mounts, true))
	assert.Equal(t, "FROM small\n"+
		"RUN --mount=type=cache,target=/a/ mkdir -p /saved/0 && cp -p -R /a//. /saved/0/\n"+
		"RUN --mount=type=cache,id=b,target=/b mkdir -p /saved/1 && cp -p -R /b/. /saved/1/\n", copying("small", mounts, false))
}
