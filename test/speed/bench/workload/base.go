package workload

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/layercache/layercache/internal/baseimage"
)

// The names of the base images in the registry.
const (
	// Small is busybox.
	Small = "small"
	// Platform is Small with 220 MB of files; Builder is Platform's first release under a name that never
	// changes.
	Platform = "platform"
	Builder  = "builder"
	// Golang has the Go toolchain, Node has Node.js and npm.
	Golang = "golang"
	Node   = "node"
	// Rust, Maven and Python are Debian with a toolchain.
	Debian = "debian"
	Rust   = "rust"
	Maven  = "maven"
	Python = "python"
)

// Base returns release 1 or 2 of a base image, and a description of its content.
func Base(ctx context.Context, base string, release int) (v1.Image, string, error) {
	switch base {
	case Platform:
		small, origin, err := provide(ctx, "public.ecr.aws/docker/library/busybox:1.37")
		if err != nil {
			return nil, "", err
		}
		image, err := withText(small, release)
		return image, origin + ", with 220 MB of words in 4,400 files", err
	case Golang:
		return released(ctx, upstream, release)
	case Debian:
		return released(ctx, "public.ecr.aws/docker/library/debian:bookworm-slim", release)
	case Rust:
		return released(ctx, "public.ecr.aws/docker/library/rust:1-slim-bookworm", release)
	case Maven:
		return released(ctx, "public.ecr.aws/docker/library/maven:3-eclipse-temurin-17", release)
	case Python:
		return released(ctx, "public.ecr.aws/docker/library/python:3.11-slim-bookworm", release)
	case Node:
		return node(ctx, release)
	default:
		return released(ctx, "public.ecr.aws/docker/library/busybox:1.37", release)
	}
}

// released returns an image of a public registry; release 2 has one more small layer.
func released(ctx context.Context, reference string, release int) (v1.Image, string, error) {
	image, origin, err := provide(ctx, reference)
	if err != nil || release == 1 {
		return image, origin, err
	}
	image, err = withRelease(image, release)
	return image, origin, err
}

func provide(ctx context.Context, reference string) (v1.Image, string, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, "", fmt.Errorf("bench: %w", err)
	}
	return baseimage.Provide(ctx, ref)
}
