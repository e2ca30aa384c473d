//go:build linux

// Package hostile tests the helper with an attacker's input: text in the form of a command, a flag or a tag,
// sources that point to files outside, and secrets that must not leak. The helper runs as a program, with a
// real BuildKit and registries under ECR's host names.
package hostile

import (
	"testing"

	"github.com/layercache/layercache/test/kit/programs"
)

func TestMain(m *testing.M) { programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx) }
