//go:build !linux

package main

// leaveNoCore is for the machines that builds run on.
func leaveNoCore() {}
