//go:build !linux

package main

import (
	"context"
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/layercache/layercache/test/speed/bench/flow"
)

const ecrHost = ""

// signedIn needs Linux.
type signedIn struct{}

var errNeedsLinux = errors.New("bench: a registry under ECR's host name needs Linux")

func startSignedIn(string, []string) (*signedIn, error) { return nil, errNeedsLinux }

func (*signedIn) place(*flow.Build, flow.Flow) {}

func (*signedIn) mark() int { return 0 }

func (*signedIn) pushed(int, string) bool { return false }

func (*signedIn) image(context.Context, string) (v1.Image, error) { return nil, errNeedsLinux }

func (*signedIn) close() error { return nil }
