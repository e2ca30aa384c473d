//go:build linux

// Package hostile gives the helper what an attacker would: text that means to be a command, a flag or a tag, sources that point
// outside, and secrets to lose. It runs as a program, with a real BuildKit, in registries under ECR's host names.
package hostile

import (
	"testing"

	"github.com/layercache/layercache/test/programs"
)

func TestMain(m *testing.M) { programs.Main(m, programs.Bundled, programs.Buildkitd, programs.Buildx) }
