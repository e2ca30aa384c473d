//go:build !linux

package main

// disableCoreFiles does nothing: builds in CI run on Linux.
func disableCoreFiles() {}
