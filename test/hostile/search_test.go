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

// places are everything that the builds so far have written or shown, by where it is: their logs, their command lines, the files
// that are left, and all that the registries hold, decompressed.
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

// files adds the content of every file of a folder; what another build is using may go meanwhile.
func (p *project) files(root string, found map[string][]byte) {
	p.t.Helper()
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), "builder-") {
			return filepath.SkipDir // Another build's, which has not ended.
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

// decompressed is what a layer holds, as a tar; what is no layer is as it is.
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

// absent checks that none of the secrets is at any of the places, in any form.
func (p *project) absent(places map[string][]byte, secrets ...string) {
	p.t.Helper()
	for _, secret := range secrets {
		for _, where := range holding(places, secret) {
			assert.Fail(p.t, "a secret was found", "%.20s… in %s", secret, where)
		}
	}
}

// holding are the places that hold the text in one of its forms.
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

// forms are how a text is written: as it is, in JSON, in an address, and in base64 wherever it begins in what is encoded.
func forms(text string) []string {
	quoted, _ := json.Marshal(text)
	all := []string{text, strings.Trim(string(quoted), `"`), url.QueryEscape(text)}
	for before := range 3 {
		padded := append(make([]byte, before), text...)
		padded = padded[:len(padded)/3*3] // The last letters depend on what comes next.
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, encoding.EncodeToString(padded)[(before*8+5)/6:])
		}
	}
	return all
}
