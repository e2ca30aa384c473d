package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// writeAttributes writes the extended attributes of a file that BuildKit compares.
//
// https://github.com/moby/buildkit/blob/v0.34.2/cache/contenthash/tarsum.go
func writeAttributes(to io.Writer, path string) error {
	size, err := unix.Llistxattr(path, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	list := make([]byte, size)
	if size, err = unix.Llistxattr(path, list); err != nil {
		return err
	}
	var names []string
	for name := range bytes.SplitSeq(list[:size], []byte{0}) {
		if isCompared(string(name)) {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	for _, name := range names {
		value := make([]byte, 64<<10) // The largest value on Linux.
		size, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return err
		}
		fmt.Fprintf(to, "%q %q\n", name, value[:size])
	}
	return nil
}

func isCompared(name string) bool {
	if name == "security.capability" {
		return true
	}
	return name != "" && !strings.HasPrefix(name, "security.") && !strings.HasPrefix(name, "system.")
}
