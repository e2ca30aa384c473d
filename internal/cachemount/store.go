package cachemount

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"
)

// Stored is a mount's archive in a store.
type Stored struct {
	// ID is the mount's id.
	ID string
	// Written is when the archive was last updated.
	Written time.Time
	// Index has the list of all files, and Packs their content.
	Index Blob
	Packs []Blob
}

// Blob is a file of an archive.
type Blob struct {
	// Digest is in the form sha256:HEX.
	Digest string
	// Bytes is the size of the file, and Content that of the files in it.
	Bytes, Content int64
	// File is the path of a blob that the store does not have yet; empty for the others. A manifest does not have it:
	// whoever wrote the cache could name any file of the machine.
	File string `json:"-"`
}

// Bytes returns the size of the archive in a store.
func (s Stored) Bytes() int64 {
	total := s.Index.Bytes
	for _, pack := range s.Packs {
		total += pack.Bytes
	}
	return total
}

// Store keeps the archives of the mounts of one cache.
type Store interface {
	// Load returns the archive of a mount, and nil if there is none.
	Load(ctx context.Context, id string) (*Stored, error)
	// Open opens a blob of a mount's archive. Reading it to its end checks its digest.
	Open(ctx context.Context, id string, blob Blob) (io.ReadCloser, error)
	// Save writes the blobs that have a File, and then the list of all blobs. It returns how many bytes it wrote. It
	// calls moved after each part of them.
	Save(ctx context.Context, archive Stored, moved func(bytes int)) (int64, error)
	// Blobs names the place of the blobs. Stores with the same place share them.
	Blobs() string
}

// Name returns the name of a mount's archive. It is the start of a digest, because an id may be any text.
func Name(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])[:10]
}
