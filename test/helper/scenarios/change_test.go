package scenarios

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

// writes changes a file.
func writes(path, content string) func(*machine) {
	return func(w *machine) { w.write(path, content) }
}

// removes deletes a file.
func removes(path string) func(*machine) {
	return func(w *machine) { require.NoError(w.t, os.Remove(filepath.Join(w.app, path))) }
}

// chmods changes a file's mode.
func chmods(path string, mode os.FileMode) func(*machine) {
	return func(w *machine) { require.NoError(w.t, os.Chmod(filepath.Join(w.app, path), mode)) }
}

// touches changes only a file's time.
func touches(path string) func(*machine) {
	return func(w *machine) {
		later := time.Now().Add(time.Hour)
		require.NoError(w.t, os.Chtimes(filepath.Join(w.app, path), later, later))
	}
}

// serves changes a page of http://site.example.
func serves(page, content string) func(*machine) {
	return func(w *machine) { w.pages[page] = content }
}

// commits changes a file in a repository under http://site.example/git/.
func commits(repository, file, content string) func(*machine) {
	return func(w *machine) { w.commit(repository, file, content) }
}

// with replaces the arguments.
func with(args ...string) func(*machine) {
	return func(w *machine) { w.args = args }
}

// sets changes an environment variable.
func sets(variable, value string) func(*machine) {
	return func(w *machine) { w.env[variable] = value }
}

// copies copies an image in the registry from one ref to another.
func copies(from, to string) func(*machine) {
	return func(w *machine) {
		ref, err := name.ParseReference(w.registry.Addr() + "/" + from)
		require.NoError(w.t, err)
		image, err := remote.Image(ref)
		require.NoError(w.t, err)
		w.push(to, image)
	}
}

// loses deletes the config, or every layer, of the main cache from the registry. The manifest stays.
func loses(config bool) func(*machine) {
	return func(w *machine) {
		held := w.holdings([]string{w.registry.Addr() + "/" + mainCache})[0]
		lost := held.layers
		if config {
			lost = []string{held.config}
		}
		for _, digest := range lost {
			file := filepath.Join(w.blobs, url.PathEscape("cache"), strings.ReplaceAll(digest, ":", "-"))
			require.NoError(w.t, os.Remove(file))
		}
	}
}

// all makes one change after the other.
func all(changes ...func(*machine)) func(*machine) {
	return func(w *machine) {
		for _, change := range changes {
			change(w)
		}
	}
}
