package toolchain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Edit is a change to one file of a module's source before it is compiled.
type Edit struct {
	// File is the path of the file in the module.
	File string
	// Old is text that the file contains exactly once, and New is what replaces it. If Old is empty, the edit
	// adds a file with the content New.
	Old, New string
	// From is the path of another file in the module. If it is set, the edit adds a copy of that file.
	From string
}

// apply changes the module's source in the folder dir.
func (e Edit) apply(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(e.File))
	if e.From != "" {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(e.From)))
		if err != nil {
			return err
		}
		return e.add(path, content)
	}
	if e.Old == "" {
		return e.add(path, []byte(e.New))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(content), e.Old); n != 1 {
		return fmt.Errorf("%s contains %q %d times, expected once: the edit was made for another version; adapt it, or remove it if that version no longer needs it", e.File, e.Old, n)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(content), e.Old, e.New, 1)), 0o600)
}

func (e Edit) add(path string, content []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists already, expected a new file: the edit was made for another version", e.File)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// editedCopy copies the module's source from the folder source and applies the program's edits to the copy.
// The caller removes the copy.
func editedCopy(program Program, source string) (dir string, err error) {
	dir, err = os.MkdirTemp("", "layercache-source-")
	if err != nil {
		return "", fmt.Errorf("edit %s@%s: %w", program.Module, program.Version, err)
	}
	err = os.CopyFS(dir, os.DirFS(source))
	for _, edit := range program.Edits {
		if err == nil {
			err = edit.apply(dir)
		}
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("edit %s@%s: %w", program.Module, program.Version, err)
	}
	return dir, nil
}
