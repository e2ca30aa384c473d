// Package archive packs the files of a folder and restores them, exactly and in little memory.
//
// An archive has an index and some packs. A pack is a tar file compressed with zstd; it is never changed. The
// index lists every file that the archive has now and the pack with its content. An update writes packs with
// the new and changed files only, and a new index. What an older pack has and the index does not is dead: a
// later update that finds too much of it writes everything again. A file of which only the time was changed
// is not packed again: the index has its new time.
//
// Index and packs list their files in one order, that of a walk through the folder: each folder's names in
// byte order, a folder before what is in it. So two of them can be compared while both are read, and no list
// of all files is kept in memory.
//
// Files are restored with their owner, mode, modification time, extended attributes, hard links and holes. Device
// nodes, sockets and pipes are left out. The access time of a restored file is when a step last read it: the
// index keeps it, and an update drops the files that were not read for longest when the folder is larger than
// its limit.
package archive

import "errors"

// ErrUnsupported is the error of all functions on systems other than Linux.
var ErrUnsupported = errors.New("archives of folders are supported on Linux only")

// Pack is a finished pack in a file.
type Pack struct {
	// File is the path of the compressed tar file.
	File string
	// Digest is the digest of the file, in the form sha256:HEX.
	Digest string
	// Bytes is the size of the file, and Content that of the files in it.
	Bytes, Content int64
}

// Totals count the files of an archive.
type Totals struct {
	// Files is the number of entries, folders included, and Bytes the size of their content.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (t *Totals) add(bytes int64) {
	t.Files++
	t.Bytes += bytes
}
