package archive

import (
	"archive/tar"
	"bufio"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"sync"
)

// spill keeps headers in a temporary file, so that their number does not matter.
type spill struct {
	lock     sync.Mutex
	file     *os.File
	buffered *bufio.Writer
	encoder  *gob.Encoder
}

func newSpill(temp string) (*spill, error) {
	file, err := os.CreateTemp(temp, "headers-")
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewWriter(file)
	return &spill{file: file, buffered: buffered, encoder: gob.NewEncoder(buffered)}, nil
}

func (s *spill) add(header *tar.Header) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.encoder.Encode(header)
}

// each calls visit for every header, in the order in which they were added.
func (s *spill) each(visit func(*tar.Header) error) error {
	if err := s.buffered.Flush(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	decoder := gob.NewDecoder(bufio.NewReader(s.file))
	for {
		var header tar.Header
		if err := decoder.Decode(&header); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := visit(&header); err != nil {
			return err
		}
	}
}

func (s *spill) close() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
