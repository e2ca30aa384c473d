package archive

import (
	"errors"
	"fmt"

	"github.com/docker/go-units"
)

const (
	// maxEntries is the largest number of files, folders and links that an archive may have. Each needs an inode,
	// whatever its size.
	maxEntries = 2_000_000
	// maxDepth is how deep folders may be nested. Each level of the current path is an open file.
	maxDepth = 1000
	// maxOverhead is the largest size of all that packs have beside the files of the index: the headers, about
	// 2 KiB for each entry.
	maxOverhead = 2 << 10 * maxEntries
)

// ErrLimit is the error of an archive that has more than may be restored.
var ErrLimit = errors.New("the mount is larger than the limit")

// errTooMany is the error of a folder or an index with more than maxEntries.
var errTooMany = fmt.Errorf("it has more than %d files and folders", maxEntries)

// errTooDeep is the error of a folder that is nested deeper than maxDepth.
var errTooDeep = fmt.Errorf("its folders are nested more than %d deep", maxDepth)

// checkLimit returns an error if an archive has more bytes than may be restored.
func checkLimit(bytes, limit int64) error {
	if limit > 0 && bytes > limit {
		return fmt.Errorf("%w of %s", ErrLimit, units.BytesSize(float64(limit)))
	}
	return nil
}
