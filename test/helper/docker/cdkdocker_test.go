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

	"github.com/layercache/layercache/test/kit/buildkitd"
	"github.com/layercache/layercache/test/kit/programs"
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

// buildAssets builds the images of a manifest as the CDK CLI would have docker build them, but with buildx and a buildkitd of
// their own: the BuildKit inside of Debian's dockerd knows neither SOURCE_DATE_EPOCH nor named contexts. It returns the
// repository with the images, which have the CDK's tags.
func (m *machine) buildAssets(manifest string) (repository string) {
	m.t.Helper()
	var read assets
	require.NoError(m.t, json.Unmarshal([]byte(m.read("cdk.out/"+manifest)), &read))
	repository = m.registry.Addr() + "/built-by-buildx"
	m.env["BUILDX_CONFIG"] = m.t.TempDir()
	defer delete(m.env, "BUILDX_CONFIG")
	buildx := func(dir string, args ...string) {
		got := m.shell(`cd "$1" && shift && BUILDX_NO_DEFAULT_ATTESTATIONS=1 exec "$@"`, append([]string{dir, programs.Path(programs.Buildx)}, args...)...)
		require.Zero(m.t, got.code, got.stderr)
	}
	buildx(".", "create", "--name", "plain", "--driver", "remote", m.startBuildkitd())
	for tag, image := range read.DockerImages {
		args := []string{"build", "--builder", "plain", "--push", "--tag", repository + ":" + tag}
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
		buildx(filepath.Join("cdk.out", image.Source.Directory), append(args, ".")...)
	}
	return repository
}

// startBuildkitd starts a buildkitd that pulls through the registry of the machine, and returns its address.
func (m *machine) startBuildkitd() string {
	m.t.Helper()
	return buildkitd.Start(m.t, fmt.Sprintf("[registry.\"public.ecr.aws\"]\nmirrors = [\"%s/ecr-public\"]\n", m.registry.Addr()))
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

// timeless returns a digest of the files of a layer that does not depend on their times.
func timeless(t *testing.T, layer io.Reader) string {
	t.Helper()
	digest := sha256.New()
	for archive := tar.NewReader(layer); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return fmt.Sprintf("%x", digest.Sum(nil))
		}
		require.NoError(t, err)
		fmt.Fprintf(digest, "%s %c %o %d:%d %s %d\n", header.Name, header.Typeflag, header.Mode, header.Uid, header.Gid, header.Linkname, header.Size)
		_, err = io.Copy(digest, archive)
		require.NoError(t, err)
	}
}
