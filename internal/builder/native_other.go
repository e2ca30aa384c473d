//go:build !linux

package builder

import (
	"context"
	"errors"
)

func startNative(context.Context, Options) (*Builder, error) {
	return nil, errors.New("buildkitd runs on Linux only")
}

func lacksBuildkitd() bool { return false }
