package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Snapshot is the content of some repositories at one time. Blobs are kept as hard links to the same files,
// because the registry never writes to an existing file.
type Snapshot struct {
	dir          string
	repositories []string
	tags         map[string]*remote.Descriptor
	// members are the manifests listed in the indexes of tags, by REPOSITORY@DIGEST.
	members map[string]*remote.Descriptor
}

// Keep takes a snapshot.
func (r *Registry) Keep(ctx context.Context, repositories ...string) (*Snapshot, error) {
	r.snapshots++
	s := &Snapshot{
		dir: filepath.Join(r.kept, strconv.Itoa(r.snapshots)), repositories: repositories,
		tags: map[string]*remote.Descriptor{}, members: map[string]*remote.Descriptor{},
	}
	for _, repository := range repositories {
		if err := link(directory(r.blobs, repository), directory(s.dir, repository)); err != nil {
			return nil, fmt.Errorf("bench: keep %s: %w", repository, err)
		}
		tags, err := r.tags(ctx, repository)
		if err != nil {
			return nil, err
		}
		for _, tag := range tags {
			if err := r.keepTag(ctx, s, repository, tag); err != nil {
				return nil, fmt.Errorf("bench: keep %s:%s: %w", repository, tag, err)
			}
		}
	}
	return s, nil
}

func (r *Registry) keepTag(ctx context.Context, s *Snapshot, repository, tag string) error {
	ref, err := r.reference(repository + ":" + tag)
	if err != nil {
		return err
	}
	found, err := remote.Get(ref, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	s.tags[repository+":"+tag] = found
	if !found.MediaType.IsIndex() {
		return nil
	}
	index, err := found.ImageIndex()
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, member := range manifest.Manifests {
		if !member.MediaType.IsImage() {
			continue
		}
		place := repository + "@" + member.Digest.String()
		ref, err := r.reference(place)
		if err != nil {
			return err
		}
		if s.members[place], err = remote.Get(ref, remote.WithContext(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// Restore resets the repositories to the snapshot.
func (r *Registry) Restore(ctx context.Context, s *Snapshot) error {
	if err := r.Clear(ctx, s.repositories...); err != nil {
		return err
	}
	for _, repository := range s.repositories {
		if err := link(directory(s.dir, repository), directory(r.blobs, repository)); err != nil {
			return fmt.Errorf("bench: restore %s: %w", repository, err)
		}
	}
	for _, manifests := range []map[string]*remote.Descriptor{s.members, s.tags} {
		for place, manifest := range manifests {
			ref, err := r.reference(place)
			if err != nil {
				return err
			}
			if err := remote.Put(ref, manifest, remote.WithContext(ctx)); err != nil {
				return fmt.Errorf("bench: restore %s: %w", place, err)
			}
		}
	}
	return nil
}

// Clear empties the repositories. Manifests whose tag was moved to another manifest stay, but have no name.
func (r *Registry) Clear(ctx context.Context, repositories ...string) error {
	for _, repository := range repositories {
		places, err := r.manifests(ctx, repository)
		if err != nil {
			return err
		}
		for _, place := range places {
			ref, err := r.reference(place)
			if err != nil {
				return err
			}
			if err := remote.Delete(ref, remote.WithContext(ctx)); err != nil && !isMissing(err) {
				return fmt.Errorf("bench: clear %s: %w", place, err)
			}
		}
		if err := os.RemoveAll(directory(r.blobs, repository)); err != nil {
			return fmt.Errorf("bench: clear %s: %w", repository, err)
		}
	}
	return nil
}

// manifests returns the tagged manifests of a repository, by tag and by digest, and all that were ever
// written by digest.
func (r *Registry) manifests(ctx context.Context, repository string) ([]string, error) {
	var places []string
	tags, err := r.tags(ctx, repository)
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		ref, err := r.reference(repository + ":" + tag)
		if err != nil {
			return nil, err
		}
		found, err := remote.Head(ref, remote.WithContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("bench: %s: %w", ref, err)
		}
		places = append(places, repository+":"+tag, repository+"@"+found.Digest.String())
	}
	for _, entry := range r.server.Log() {
		digest, found := strings.CutPrefix(entry.Path, "/v2/"+repository+"/manifests/sha256:")
		if found && entry.Method == http.MethodPut {
			places = append(places, repository+"@sha256:"+digest)
		}
	}
	slices.Sort(places)
	return slices.Compact(places), nil
}

// tags returns the tags of a repository, or nil if it does not exist.
func (r *Registry) tags(ctx context.Context, repository string) ([]string, error) {
	parsed, err := name.NewRepository(r.Addr() + "/" + repository)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	tags, err := remote.List(parsed, remote.WithContext(ctx))
	if isMissing(err) {
		return nil, nil
	}
	return tags, err
}

func isMissing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

func escape(repository string) string { return url.PathEscape(repository) }

// Remove deletes the snapshot.
func (s *Snapshot) Remove() error { return os.RemoveAll(s.dir) }
