package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// changeGreeting changes the salutation in greeting.go, as a developer would.
func changeGreeting(dir string) (string, error) {
	const name, old, changed = "greeting.go", `"Hello"`, `"Good day"`
	file := filepath.Join(dir, name)
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("demo: the project's source is not the sample service: %w", err)
	}
	if !bytes.Contains(text, []byte(old)) {
		return "", fmt.Errorf("demo: %s does not contain %s, which the changed build must replace", file, old)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(changed), 1), 0o644); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return fmt.Sprintf("%s now has %s instead of %s", name, changed, old), nil
}
