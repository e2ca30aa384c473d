package localecr

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// store writes an image to the registry: blobs directly to the directory, the manifest by a request.
func (p *pullThrough) store(image v1.Image, path string) error {
	repository := manifestPath.FindStringSubmatch(path)[1]
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		if err := p.storeBlob(repository, digest, layer.Compressed); err != nil {
			return err
		}
	}
	digest, err := image.ConfigName()
	if err != nil {
		return err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	opened := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(config)), nil }
	if err := p.storeBlob(repository, digest, opened); err != nil {
		return err
	}
	return p.storeManifest(image, path)
}

func (p *pullThrough) storeBlob(repository string, digest v1.Hash, open func() (io.ReadCloser, error)) error {
	if _, err := p.blobs.Stat(p.ctx, repository, digest); err == nil {
		return nil
	}
	content, err := open()
	if err != nil {
		return err
	}
	return p.blobs.Put(p.ctx, repository, digest, content)
}

func (p *pullThrough) storeManifest(image v1.Image, path string) error {
	manifest, err := image.RawManifest()
	if err != nil {
		return err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return err
	}
	status := p.send(http.MethodPut, path, string(mediaType), manifest)
	if status != http.StatusCreated {
		return fmt.Errorf("the registry answered the manifest with status %d", status)
	}
	return nil
}

// has reports whether the registry has the manifest.
func (p *pullThrough) has(path string) bool {
	return p.send(http.MethodHead, path, "", nil) == http.StatusOK
}

// send sends a request to the registry behind the pull-through cache and returns the status.
func (p *pullThrough) send(method, path, mediaType string, body []byte) int {
	request, err := http.NewRequestWithContext(context.WithoutCancel(p.ctx), method, path, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadRequest
	}
	request.Header.Set("Content-Type", mediaType)
	answer := &statusOnly{header: http.Header{}, status: http.StatusOK}
	p.next.ServeHTTP(answer, request)
	return answer.status
}

// statusOnly is a response writer that keeps the status.
type statusOnly struct {
	header http.Header
	status int
}

// Header returns a header that nobody reads.
func (s *statusOnly) Header() http.Header { return s.header }

// Write drops the body.
func (s *statusOnly) Write(data []byte) (int, error) { return len(data), nil }

// WriteHeader keeps the status.
func (s *statusOnly) WriteHeader(status int) { s.status = status }
