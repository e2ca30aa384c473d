// Package readahead reads ahead of the caller, in a goroutine of its own.
//
// BuildKit decompresses a layer and writes its files in turns, and so uses one core at a time. With this package it
// decompresses the next part while it writes the files of the part before.
//
// layercache compiles this file into buildkitd: see toolchain.Buildkitd.
package readahead

import (
	"io"
	"sync"
)

const (
	// parts is how many parts may be read ahead, and partSize the size of each in bytes.
	parts    = 4
	partSize = 512 << 10
)

// reader reads from a source in a goroutine.
type reader struct {
	source io.ReadCloser
	// read has the parts that were read, and free the memory for further ones.
	read chan part
	free chan []byte
	// stop ends the goroutine, and ended is closed when it has ended.
	stop, ended chan struct{}
	// close is Close, once.
	close func() error
	// current is what the caller has not yet read of the last part, used is the memory of that part, and err is what the
	// source returned after it.
	current, used []byte
	err           error
}

// part is a part of the source, and the error with which it ends; nil if the source goes on.
type part struct {
	content []byte
	err     error
}

// New returns a reader of the source that reads ahead. Close closes the source, too.
func New(source io.ReadCloser) io.ReadCloser {
	r := &reader{
		source: source, read: make(chan part, parts), free: make(chan []byte, parts), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	r.close = sync.OnceValue(func() error {
		close(r.stop)
		<-r.ended
		return source.Close()
	})
	for range parts {
		r.free <- nil
	}
	go r.readAhead()
	return r
}

func (r *reader) readAhead() {
	defer close(r.ended)
	for {
		var memory []byte
		select {
		case memory = <-r.free:
		case <-r.stop:
			return
		}
		if memory == nil {
			memory = make([]byte, partSize)
		}
		next := part{content: memory[:0]}
		for len(next.content) < len(memory) && next.err == nil {
			var n int
			n, next.err = r.source.Read(memory[len(next.content):])
			next.content = memory[:len(next.content)+n]
		}
		r.read <- next
		if next.err != nil {
			return
		}
	}
}

// Read returns what the source returns, also its errors.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.current) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.used != nil {
			r.free <- r.used
		}
		next := <-r.read
		r.current, r.used, r.err = next.content, next.content[:cap(next.content)], next.err
	}
	n := copy(p, r.current)
	r.current = r.current[n:]
	return n, nil
}

// Close ends the reading, and closes the source. It may be called more than once.
func (r *reader) Close() error { return r.close() }
