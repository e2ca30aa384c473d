package checkout

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// past is long before now.
var past = time.Now().Add(-time.Hour)

func TestTheCheckoutIsTheRootOfTheProduct(t *testing.T) {
	through, err := fs.ReadFile(FS(), "go.mod")
	require.NoError(t, err)
	assert.Contains(t, string(through), "module github.com/layercache/layercache\n")
	direct, err := os.ReadFile(Path("go.mod"))
	require.NoError(t, err)
	assert.Equal(t, string(through), string(direct))
}

// Two modules in a checkout of their own, whose test reads a file of the outer one: the go command runs it again for a change.
func TestATestRunsAgainWhenAFileThatItReadHasChanged(t *testing.T) {
	source, err := os.ReadFile("checkout.go")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		// The go command keeps no result of a test that read a file younger than two seconds.
		require.NoError(t, os.Chtimes(path, past, past))
	}
	write("go.mod", "module example.com/product\n")
	write("docs/page.md", "one")
	write("test/go.mod", "module example.com/product/test\n\ngo 1.26\n")
	write("test/kit/checkout/checkout.go", string(source))
	write("test/page_test.go", `package test

import (
	"io/fs"
	"testing"

	"example.com/product/test/kit/checkout"
)

func TestPage(t *testing.T) {
	text, err := fs.ReadFile(checkout.FS(), "docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(text))
}
`)
	run := func() string {
		command := exec.Command("go", "test", "-vet=off", "-v", ".")
		command.Dir = filepath.Join(dir, "test")
		command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))
		return string(output)
	}
	assert.NotContains(t, run(), "(cached)")
	assert.Contains(t, run(), "(cached)")
	write("docs/page.md", "another")
	changed := run()
	assert.NotContains(t, changed, "(cached)")
	assert.Contains(t, changed, "another")
}
