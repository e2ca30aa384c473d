package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/variables"
)

// maxPinned is how many images one build asks its mirrors for.
const maxPinned = 20

// missedMirrors returns a warning for each image that the build names by digest and that no mirror of its
// registry has: BuildKit got it from the registry itself, and says nothing about it. ECR's pull-through cache
// does not import by digest, so this repeats on every build. It says nothing of a mirror that does not answer.
//
// Images that are named by tag are not looked for: ECR may still be importing them.
func (b *build) missedMirrors(ctx context.Context, built outcome) []string {
	if b.builder.started == nil || !b.builder.started.UsesMirrors() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	images := built.graph.Pinned()
	images = images[:min(len(images), maxPinned)]
	found := make([]string, len(images))
	var group sync.WaitGroup
	for i, image := range images {
		group.Go(func() { found[i] = missedMirror(ctx, image, b.Settings.Mirrors, b.signIn.keychain) })
	}
	group.Wait()
	var warnings []string
	for _, warning := range found {
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return warnings
}

// missedMirror returns the warning for one image, or "".
func missedMirror(ctx context.Context, image string, mirrors []variables.Mirror, keychain authn.Keychain) string {
	host, rest, _ := strings.Cut(image, "/")
	var answers []string
	hint := ""
	for _, mirror := range mirrors {
		if mirror.Upstream != host {
			continue
		}
		tagged, digest, _ := strings.Cut(mirror.Location+"/"+rest, "@")
		untagged := tagged[:len(tagged)-len(tagOf(tagged))]
		problem := ask(ctx, untagged+"@"+digest, keychain)
		if problem == "" {
			return ""
		}
		answers = append(answers, mirror.Location+" "+problem)
		if location, _, _ := strings.Cut(mirror.Location, "/"); hint == "" && isECR(location) {
			hint = prewarmHint(untagged, tagOf(tagged), digest)
		}
	}
	if len(answers) == 0 {
		return ""
	}
	return escape.Line(fmt.Sprintf("%s is pulled from %s, not from its mirror: %s%s", image, host, strings.Join(answers, ", "), hint))
}

// tagOf returns the tag in an image's name with its colon, or "".
func tagOf(image string) string {
	if colon := strings.LastIndex(image, ":"); colon > strings.LastIndex(image, "/") {
		return image[colon:]
	}
	return ""
}

// prewarmHint returns what imports an image into ECR's pull-through cache.
func prewarmHint(repository, tag, digest string) string {
	if tag == "" {
		tag = ":TAG"
	}
	return fmt.Sprintf("; ECR imports an image only by its tag, so run once: layercache prewarm %s%s@%s", repository, tag, digest)
}

func isECR(host string) bool {
	_, ok := ecr.ParseHost(host)
	return ok
}

// ask returns how a mirror answered that it does not serve an image. It is empty if the mirror has the image,
// or if that is not known.
func ask(ctx context.Context, image string, keychain authn.Keychain) string {
	ref, err := name.NewDigest(image)
	if err != nil {
		return ""
	}
	_, err = remote.Head(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return ""
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return "does not have it"
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprintf("refuses it (status %d)", answer.StatusCode)
	}
	return ""
}
