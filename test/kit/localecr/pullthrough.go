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

// pullThrough fetches images with a prefix from their upstream on the first pull by tag.
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
	upstream, ok := Upstream(p.config.Upstreams, match[1])
	// ECR does not import by digest: https://github.com/aws/containers-roadmap/issues/2837
	if isDigest := strings.Contains(match[2], ":"); !ok || isDigest {
		p.next.ServeHTTP(w, r)
		return
	}
	upstream += ":" + match[2]
	if _, err, _ := p.flights.Do(r.URL.Path, func() (any, error) { return nil, p.fetch(upstream, r.URL.Path) }); err != nil {
		refuse(w, err)
		return
	}
	p.next.ServeHTTP(w, r)
}

// Root is the prefix of a rule for all repositories without another rule.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html
const Root = "ROOT"

// Upstream returns the upstream repository of a repository, and whether it has one. upstreams maps prefixes
// to upstream registries; the longest matching prefix wins.
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

// fetch imports the image and reports the import.
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

// refuse answers as a registry without the image, with the reason as the message.
func refuse(w http.ResponseWriter, reason error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{
		map[string]string{"code": "MANIFEST_UNKNOWN", "message": reason.Error()},
	}})
}
