package throwaway

import (
	"errors"
	"io"
	"net/http"
	"os"
)

// spool reads the whole body of a request before it passes the request on. go-containerregistry's registry
// holds one lock for all uploads while it reads a body, and BuildKit starts an upload before it has the
// content, which may depend on other uploads: without spool both could wait forever.
type spool struct {
	dir  string
	next http.Handler
}

func (s *spool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		s.next.ServeHTTP(w, r)
		return
	}
	file, size, err := s.store(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	if r.ContentLength >= 0 && size != r.ContentLength {
		http.Error(w, "the body ended early", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(file)
	s.next.ServeHTTP(w, r)
}

// store writes the body to an unlinked file, which disappears when it is closed.
func (s *spool) store(body io.Reader) (*os.File, int64, error) {
	file, err := os.CreateTemp(s.dir, "body-*")
	if err != nil {
		return nil, 0, err
	}
	err = os.Remove(file.Name())
	size, copyErr := io.Copy(file, body)
	_, seekErr := file.Seek(0, io.SeekStart)
	if err := errors.Join(err, copyErr, seekErr); err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, size, nil
}
