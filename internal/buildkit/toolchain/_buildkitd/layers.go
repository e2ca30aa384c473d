package main

// layercache adds this file to BuildKit: see toolchain.Buildkitd.

import (
	"context"
	"io"

	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/containerd/typeurl/v2"
	"github.com/moby/buildkit/util/readahead"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// layer is a decompressed layer.
type layer struct{ io.ReadCloser }

func (layer) MediaType() string { return ocispecs.MediaTypeImageLayer }

// init makes containerd decompress layers ahead.
func init() {
	diff.RegisterProcessor(func(ctx context.Context, mediaType string) (diff.StreamProcessorInit, bool) {
		if compressed, err := images.DiffCompression(ctx, mediaType); err != nil || compressed == "" {
			return nil, false
		}
		return func(_ context.Context, stream diff.StreamProcessor, _ map[string]typeurl.Any) (diff.StreamProcessor, error) {
			content, err := compression.DecompressStream(stream)
			if err != nil {
				return nil, err
			}
			return layer{readahead.New(content)}, nil
		}, true
	})
}
