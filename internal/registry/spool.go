package registry

import (
	"errors"
	"io"
	"net/http"
	"os"
)

// spool takes a request's whole body in before it hands the request on. go-containerregistry's registry holds one lock for all
// uploads while it reads a body; BuildKit begins an upload before it has the content, and waits for other uploads to get it:
// between them they would wait for ever.
type spool struct {
	dir  string
	next http.Handler
}

func (s *spool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		s.next.ServeHTTP(w, r)
		return
	}
	file, size, err := s.keep(r.Body)
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

// keep writes the body to a file without a name, which goes when it is closed.
func (s *spool) keep(body io.Reader) (*os.File, int64, error) {
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
