package docker

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

// assets is the part of the CDK's asset manifest that says how images are built.
type assets struct {
	DockerImages map[string]struct {
		Source struct {
			Directory, DockerFile, DockerBuildTarget, Platform       string
			DockerBuildArgs, DockerBuildContexts, DockerBuildSecrets map[string]string
		}
	}
}

// buildAssets builds and pushes the images of a manifest with docker, as the CDK CLI does. It returns the repository with
// the images, which have the CDK's tags.
func (m *machine) buildAssets(manifest string) (repository string) {
	m.t.Helper()
	var read assets
	require.NoError(m.t, json.Unmarshal([]byte(m.read("cdk.out/"+manifest)), &read))
	repository = m.registry.Addr() + "/built-by-docker"
	real := newMachine(m.t)
	real.useDocker()
	real.env["DOCKER_HOST"], real.env["SOURCE_DATE_EPOCH"] = real.startDaemon(), m.env["SOURCE_DATE_EPOCH"]
	for tag, image := range read.DockerImages {
		args := []string{"build", "--tag", repository + ":" + tag, "--network", "host"} // The daemon has no bridge.
		add := func(flag, value string) {
			if value != "" {
				args = append(args, flag, value)
			}
		}
		for name, value := range image.Source.DockerBuildArgs {
			add("--build-arg", name+"="+value)
		}
		for name, value := range image.Source.DockerBuildContexts {
			add("--build-context", name+"="+value)
		}
		for id, value := range image.Source.DockerBuildSecrets {
			add("--secret", "id="+id+","+value)
		}
		add("--target", image.Source.DockerBuildTarget)
		add("--file", image.Source.DockerFile)
		add("--platform", image.Source.Platform)
		real.source = filepath.Join(m.source, "cdk.out", image.Source.Directory)
		real.succeeds(append(args, ".")...)
		real.succeeds("push", repository+":"+tag)
	}
	return repository
}

// configs returns the configs of a repository's images by tag. For the digest of each layer they have one of its files
// without times: a step gives its files the time at which it runs.
func configs(t *testing.T, repository string) map[string]string {
	t.Helper()
	parsed, err := name.NewRepository(repository)
	require.NoError(t, err)
	tags, err := remote.List(parsed)
	require.NoError(t, err)
	found := map[string]string{}
	for _, tag := range tags {
		image, err := remote.Image(parsed.Tag(tag))
		require.NoError(t, err)
		raw, err := image.RawConfigFile()
		require.NoError(t, err)
		layers, err := image.Layers()
		require.NoError(t, err)
		var config map[string]any
		require.NoError(t, json.Unmarshal(raw, &config))
		var digests []string
		for _, layer := range layers {
			content, err := layer.Uncompressed()
			require.NoError(t, err)
			digests = append(digests, timeless(t, content))
			require.NoError(t, content.Close())
		}
		config["rootfs"].(map[string]any)["diff_ids"] = digests
		text, err := json.MarshalIndent(config, "", " ")
		require.NoError(t, err)
		found[tag] = string(text)
	}
	return found
}

// timeless returns a digest of the files of a layer that does not depend on their times. Folders are left out: BuildKit makes
// some to mount files into a step, and its version decides which of them stay.
func timeless(t *testing.T, layer io.Reader) string {
	t.Helper()
	digest := sha256.New()
	for archive := tar.NewReader(layer); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return fmt.Sprintf("%x", digest.Sum(nil))
		}
		require.NoError(t, err)
		if header.Typeflag == tar.TypeDir {
			continue
		}
		fmt.Fprintf(digest, "%s %c %o %d:%d %s %d\n", header.Name, header.Typeflag, header.Mode, header.Uid, header.Gid, header.Linkname, header.Size)
		_, err = io.Copy(digest, archive)
		require.NoError(t, err)
	}
}
