//go:build !unix

package store

import "context"

// lock does nothing: builds with a builder of their own need Linux.
func lock(context.Context, string) (unlock func(), err error) { return func() {}, nil }

// hold does nothing, and no folder is free.
func hold(string) (release func(), free bool) { return func() {}, false }
