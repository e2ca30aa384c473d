//go:build !linux

package jobbuilder

import (
	"context"
	"io"
)

// Join returns errNone: only Linux has a native builder.
func Join(context.Context, Config) (*Member, error) { return nil, errNone }

// Stop finds no builder: only Linux has a native one.
func Stop(context.Context, string) (stopped int, err error) { return 0, nil }

// Keep fails: only Linux has a native builder.
func Keep(io.Reader, io.WriteCloser) (exitStatus int) { return 1 }
