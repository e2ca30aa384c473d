package workload

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/stream"
)

// appended returns the image with one more layer, whose files fill writes. The layer is streamed, so it can
// be sent only once.
func appended(image v1.Image, fill func(*tar.Writer) error) (v1.Image, error) {
	reader, writer := io.Pipe()
	go func() {
		archive := tar.NewWriter(writer)
		err := fill(archive)
		if err == nil {
			err = archive.Close()
		}
		_ = writer.CloseWithError(err)
	}()
	image, err := mutate.AppendLayers(image, stream.NewLayer(reader, stream.WithCompressionLevel(gzip.BestSpeed)))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return image, nil
}

// withRelease adds a small layer that contains the release number.
func withRelease(image v1.Image, release int) (v1.Image, error) {
	return appended(image, func(archive *tar.Writer) error {
		return file(archive, "etc/release", 0o644, []byte(fmt.Sprintf("release %d\n", release)))
	})
}

// withText adds two layers with 220 MB of text. The text differs between releases but is the same on every
// machine. It compresses to half its size or less, as most programs do.
func withText(image v1.Image, release int) (v1.Image, error) {
	for part, files := range []int{1600, 2800} {
		source := rand.New(rand.NewPCG(uint64(release), uint64(part)))
		var err error
		image, err = appended(image, func(archive *tar.Writer) error {
			words := vocabulary(source)
			for i := range files {
				name := fmt.Sprintf("usr/share/platform/%d/%d/%d", part, i/100, i)
				if err := file(archive, name, 0o644, prose(source, words, 50_000)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return image, nil
}

func vocabulary(source *rand.Rand) []string {
	words := make([]string, 4096)
	for i := range words {
		letters := make([]byte, 3+source.IntN(8))
		for j := range letters {
			letters[j] = byte('a' + source.IntN(26))
		}
		words[i] = string(letters) + " "
	}
	return words
}

func prose(source *rand.Rand, words []string, size int) []byte {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(words[source.IntN(len(words))])
	}
	return []byte(b.String()[:size])
}

// file writes a file with a fixed timestamp.
func file(archive *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0)}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}
