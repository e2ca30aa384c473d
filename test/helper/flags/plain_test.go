package flags

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/buildkitd"
	"github.com/layercache/layercache/test/kit/localecr"
)

// plainAddress is the address of the builder of all calls of buildx. Tests start it once, as they do not depend on what it
// has cached.
var plainAddress string

// startPlain starts a buildkitd that is configured as buildx's container driver does it, with a registry for its base images.
func startPlain(t *testing.T) {
	t.Helper()
	registry, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, registry.Close()) })
	plainAddress = buildkitd.Start(t, fmt.Sprintf("insecure-entitlements = [\"network.host\"]\n[registry.\"public.ecr.aws\"]\nmirrors = [\"%s/ecr-public\"]\n", registry.Addr()))
}
