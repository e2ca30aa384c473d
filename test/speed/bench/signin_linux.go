package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/layercache/layercache/internal/baseimage"
	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/speed/bench/flow"
)

// ecrHost is the registry's host name on the network with a sign-in.
const ecrHost = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"

// signedIn is a registry with ECR's host name and TLS, and the API that issues its tokens. Base images stay
// in the other registry.
type signedIn struct {
	ecr *ecrhost.Server
	// docker is a Docker configuration folder with a sign-in, for flows that do not sign in themselves.
	docker string
}

func startSignedIn(dir string, repositories []string) (*signedIn, error) {
	created := map[string]ecrhost.Repository{}
	for _, repository := range repositories {
		created[repository] = ecrhost.Repository{}
	}
	ecr, err := ecrhost.Start(ecrhost.Config{Dir: dir, Registries: map[string]ecrhost.Registry{ecrHost: {Repositories: created}}})
	if err != nil {
		return nil, err
	}
	s := &signedIn{ecr: ecr, docker: filepath.Join(dir, "docker")}
	auth := base64.StdEncoding.EncodeToString([]byte("AWS:" + ecr.Token(ecrhost.Own, 12*time.Hour)))
	if err := os.MkdirAll(s.docker, 0o700); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, ecrHost, auth)
	return s, os.WriteFile(filepath.Join(s.docker, "config.json"), []byte(config), 0o600)
}

// place makes a build use the registry, with the credentials that its flow needs.
func (s *signedIn) place(b *flow.Build, f flow.Flow) {
	b.Env = s.ecr.Environ()
	b.Command = func(ctx context.Context, program string, args ...string) *exec.Cmd {
		return s.ecr.Command(ctx, program, args...)
	}
	if f.Key == flow.Layercache {
		b.Env = append(b.Env, s.ecr.Credentials()...)
	} else {
		b.Env = append(b.Env, "DOCKER_CONFIG="+s.docker)
	}
}

// mark returns the position at the end of the list of requests.
func (s *signedIn) mark() int { return len(s.ecr.Requests()) }

// pushed reports whether an image was written, or found to be there already, after the mark.
func (s *signedIn) pushed(mark int, repository string) bool {
	return slices.ContainsFunc(s.ecr.Requests()[mark:], func(r ecrhost.Request) bool {
		return strings.HasSuffix(r.Path, "/"+repository+"/manifests/"+tag) && (r.Method == "PUT" || r.Method == "HEAD") && r.Status < 300
	})
}

// image returns the current image of the repository.
func (s *signedIn) image(ctx context.Context, repository string) (v1.Image, error) {
	ref, err := name.ParseReference(ecrHost + "/" + repository + ":" + tag)
	if err != nil {
		return nil, err
	}
	auth := &authn.Basic{Username: "AWS", Password: s.ecr.Token(ecrhost.Own, time.Hour)}
	return remote.Image(ref, remote.WithContext(ctx), remote.WithTransport(s.ecr.Transport()), remote.WithAuth(auth),
		remote.WithPlatform(baseimage.Platform()))
}

func (s *signedIn) close() error { return s.ecr.Close() }
