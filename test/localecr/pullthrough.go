package localecr

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/singleflight"

	"github.com/layercache/layercache/internal/registry/throwaway"
)

// pullThrough fetches an image of a prefix from its upstream when it is first asked for.
type pullThrough struct {
	ctx     context.Context
	config  Config
	blobs   throwaway.Blobs
	next    http.Handler
	flights singleflight.Group
}

// manifestPath is the path of a manifest, /v2/REPOSITORY/manifests/REFERENCE.
var manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)

func (p *pullThrough) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := manifestPath.FindStringSubmatch(r.URL.Path)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if match == nil || !reads || p.has(r.URL.Path) {
		p.next.ServeHTTP(w, r)
		return
	}
	upstream, ok := p.upstream(match[1], match[2])
	if !ok {
		p.next.ServeHTTP(w, r)
		return
	}
	if _, err, _ := p.flights.Do(r.URL.Path, func() (any, error) { return nil, p.fetch(upstream, r.URL.Path) }); err != nil {
		refuse(w, err)
		return
	}
	p.next.ServeHTTP(w, r)
}

// upstream is the name at its upstream of an image under one of the prefixes.
func (p *pullThrough) upstream(repository, reference string) (string, bool) {
	found, ok := Upstream(p.config.Upstreams, repository)
	separator := ":"
	if strings.Contains(reference, ":") {
		separator = "@"
	}
	return found + separator + reference, ok
}

// Root is the prefix of a rule for the repositories that no other rule is for.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html
const Root = "ROOT"

// Upstream is the repository at its upstream that a repository is the cache of, by upstreams and their prefixes: the longest
// prefix wins.
func Upstream(upstreams map[string]string, repository string) (string, bool) {
	for prefix := repository; ; {
		end := strings.LastIndex(prefix, "/")
		if end < 0 {
			break
		}
		prefix = prefix[:end]
		if host, ok := upstreams[prefix]; ok {
			return host + repository[end:], true
		}
	}
	host, ok := upstreams[Root]
	return host + "/" + repository, ok
}

// fetch imports the image and reports it.
func (p *pullThrough) fetch(upstream, path string) error {
	if p.has(path) {
		return nil
	}
	started := time.Now()
	done := Import{Reference: upstream}
	done.Origin, done.Err = p.importImage(upstream, path)
	done.Seconds = time.Since(started).Seconds()
	p.config.Imported(done)
	return done.Err
}

func (p *pullThrough) importImage(upstream, path string) (origin string, err error) {
	ref, err := name.ParseReference(upstream)
	if err != nil {
		return "", fmt.Errorf("localecr: %w", err)
	}
	image, origin, err := p.config.Provide(p.ctx, ref)
	if err != nil {
		return "", err
	}
	if err := p.store(image, path); err != nil {
		return "", fmt.Errorf("localecr: storing %s: %w", upstream, err)
	}
	return origin, nil
}

// refuse answers as a registry does that has no such image, with the reason as the message.
func refuse(w http.ResponseWriter, reason error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{
		map[string]string{"code": "MANIFEST_UNKNOWN", "message": reason.Error()},
	}})
}
