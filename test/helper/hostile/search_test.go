//go:build linux

package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// places returns everything that the builds have written or shown, by place: logs, command lines, remaining
// files, and the decompressed content of the registries.
func (p *project) places(builds ...outcome) map[string][]byte {
	p.t.Helper()
	found := map[string][]byte{}
	for _, build := range builds {
		found["the log of a build, "+build.log[:min(len(build.log), 60)]] = []byte(build.log)
		found["the command lines of processes"] = append(found["the command lines of processes"], strings.Join(build.seen.commands, "\n")...)
	}
	p.files(p.reports, found)
	p.files(p.home, found)
	p.files("/var/lib/layercache", found)
	p.files(filepath.Join(p.store, "registries"), found)
	for _, request := range p.aws.Requests() {
		found["the address of a request"] = append(found["the address of a request"], request.Path+"\n"...)
	}
	for host, repositories := range map[string][]string{imageHost: {"shop"}, cacheHost: {"cache"}} {
		for _, repository := range repositories {
			for _, reference := range p.manifests(host, repository) {
				got, err := remote.Get(p.reference(host, repository, reference), p.options()...)
				require.NoError(p.t, err)
				found["manifest "+host+"/"+repository+":"+reference] = got.Manifest
			}
		}
	}
	return found
}

// files adds the content of every file in a folder. It ignores errors, because another build may remove files
// at the same time.
func (p *project) files(root string, found map[string][]byte) {
	p.t.Helper()
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), "builder-") {
			return filepath.SkipDir // The folder of another build that is still running.
		}
		if !entry.Type().IsRegular() || strings.HasSuffix(path, ".docker/config.json") {
			return nil
		}
		if content, err := os.ReadFile(path); err == nil {
			found[path] = p.decompressed(path, content)
		}
		return nil
	})
}

// decompressed returns the tar archive of a compressed layer. Other content is returned unchanged.
func (p *project) decompressed(path string, content []byte) []byte {
	p.t.Helper()
	var reader io.Reader
	var err error
	switch {
	case bytes.HasPrefix(content, []byte{0x1f, 0x8b}):
		reader, err = gzip.NewReader(bytes.NewReader(content))
	case bytes.HasPrefix(content, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		reader, err = zstd.NewReader(bytes.NewReader(content), zstd.WithDecoderConcurrency(1))
	default:
		return content
	}
	require.NoError(p.t, err, path)
	all, err := io.ReadAll(reader)
	require.NoError(p.t, err, path)
	return all
}

// absent checks that none of the secrets is in any of the places, in any encoding.
func (p *project) absent(places map[string][]byte, secrets ...string) {
	p.t.Helper()
	for _, secret := range secrets {
		for _, where := range holding(places, secret) {
			assert.Fail(p.t, "a secret was found", "%.20s… in %s", secret, where)
		}
	}
}

// holding returns the places that contain the text in one of its forms.
func holding(places map[string][]byte, text string) []string {
	var found []string
	for where, content := range places {
		for _, form := range forms(text) {
			if bytes.Contains(content, []byte(form)) {
				found = append(found, where)
				break
			}
		}
	}
	return found
}

// forms returns the text in plain, as JSON, in a URL, and in base64 for each offset in the encoded data.
func forms(text string) []string {
	quoted, _ := json.Marshal(text)
	all := []string{text, strings.Trim(string(quoted), `"`), url.QueryEscape(text)}
	for before := range 3 {
		padded := append(make([]byte, before), text...)
		padded = padded[:len(padded)/3*3] // The last letters depend on the bytes after the text.
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, encoding.EncodeToString(padded)[(before*8+5)/6:])
		}
	}
	return all
}
