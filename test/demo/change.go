package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// changeGreeting edits the sample service as a developer would: another salutation in greeting.go.
func changeGreeting(dir string) (string, error) {
	const name, old, changed = "greeting.go", `"Hello"`, `"Good day"`
	file := filepath.Join(dir, name)
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("demo: the project's source is not the sample service: %w", err)
	}
	if !bytes.Contains(text, []byte(old)) {
		return "", fmt.Errorf("demo: %s does not hold %s, which the changed build replaces", file, old)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(changed), 1), 0o644); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return fmt.Sprintf("%s says %s instead of %s", name, changed, old), nil
}
