// Package checkout finds the files outside of the tests' own module: the product, its docs and the installed tools.
package checkout

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// module returns the folder of the tests' module.
var module = sync.OnceValue(func() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		panic("find the checkout: the tests were compiled with -trimpath")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
})

// Dir returns the root of the checkout.
func Dir() string { return filepath.Dir(module()) }

// Path returns the path of a file of the checkout, named by its path from the root with slashes.
func Path(name string) string { return filepath.Join(Dir(), filepath.FromSlash(name)) }

// FS returns the checkout. A test that reads a file through it runs again when the file has changed.
//
// The go command keeps the result of a test while the files are the same that the test opened inside of its own module, where
// inside means that the path begins with the module's folder. So the paths here go through that folder and out of it again.
//
// https://pkg.go.dev/cmd/go#hdr-Test_packages
func FS() fs.FS { return os.DirFS(module() + string(filepath.Separator) + "..") }

// Enter makes the root of the checkout the working directory, for commands whose flags name files of the checkout.
func Enter() error { return os.Chdir(Dir()) }
