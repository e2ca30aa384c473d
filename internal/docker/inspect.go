package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"time"

	"github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	spec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
)

// inspected is an image as docker describes it, with the names of docker's fields.
//
// https://github.com/moby/moby/blob/v28.5.2/api/types/image/image_inspect.go
type inspected struct {
	ID            string `json:"Id"`
	RepoTags      []string
	RepoDigests   []string
	Parent        string
	Comment       string
	Created       string `json:",omitempty"`
	DockerVersion string
	Author        string
	Config        *spec.DockerOCIImageConfig
	Architecture  string
	Variant       string `json:",omitempty"`
	Os            string
	OsVersion     string `json:",omitempty"`
	Size          int64
	GraphDriver   struct {
		Data map[string]string
		Name string
	}
	RootFS struct {
		Type   string   `json:",omitempty"`
		Layers []string `json:",omitempty"`
	}
	Metadata struct {
		LastTagTime time.Time `json:",omitempty"`
	}
}

// errTemplate is docker's status for a template that it cannot read.
const errTemplate = 64

// inspect describes kept images. If others are named too, docker describes them all.
func (d *docker) inspect(ctx context.Context) error {
	switch d.ours(d.call.Names) {
	case 0:
		return d.inspectMissing(ctx)
	case len(d.call.Names):
	default:
		return d.delegate(ctx, "")
	}
	if d.call.Size {
		fmt.Fprintln(d.Stderr, "WARNING: --size ignored for image")
	}
	var shown []inspected
	for _, name := range d.call.Names {
		described, err := d.describe(d.images[d.find(name)])
		if err != nil {
			return d.fail(failed, "Error: %v", err)
		}
		shown = append(shown, described)
	}
	if d.call.Format == "" || d.call.Format == "json" {
		return d.inspectJSON(shown)
	}
	parsed, err := parseTemplate(d.call.Format)
	if err != nil {
		return d.fail(errTemplate, "template parsing error: %v", err)
	}
	for _, described := range shown {
		line, err := execute(parsed, described)
		if err != nil {
			fmt.Fprintln(d.Stdout)
			return d.fail(failed, "template parsing error: %v", err)
		}
		fmt.Fprintln(d.Stdout, line)
	}
	return nil
}

// inspectMissing lets docker describe images that were not kept, or says as docker does that they do not exist.
func (d *docker) inspectMissing(ctx context.Context) error {
	if _, err := real.Find(); err == nil {
		return d.delegate(ctx, "")
	}
	if d.call.Format == "" || d.call.Format == "json" {
		fmt.Fprintln(d.Stdout, "[]")
	} else {
		fmt.Fprintln(d.Stdout)
	}
	var messages []string
	for _, name := range d.call.Names {
		if d.call.OfImages {
			messages = append(messages, "Error response from daemon: No such image: "+withTag(name))
		} else {
			messages = append(messages, "Error: No such object: "+name)
		}
	}
	return d.failMissing(messages...)
}

// inspectJSON writes the images as docker does: one array, or with --format json a line.
func (d *docker) inspectJSON(shown []inspected) error {
	content, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	if d.call.Format == "" {
		var indented bytes.Buffer
		if err := json.Indent(&indented, content, "", "    "); err != nil {
			return err
		}
		content = indented.Bytes()
	}
	fmt.Fprintln(d.Stdout, string(content))
	return nil
}

// execute executes the template with the fields of Go, as docker does, and if it names others with those of JSON.
func execute(parsed *template.Template, described inspected) (string, error) {
	var line bytes.Buffer
	if err := parsed.Execute(&line, described); err == nil {
		return line.String(), nil
	}
	content, err := json.Marshal(described)
	if err != nil {
		return "", err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var raw any
	if err := decoder.Decode(&raw); err != nil {
		return "", err
	}
	line.Reset()
	err = parsed.Option("missingkey=error").Execute(&line, raw)
	return line.String(), err
}

// describe describes a kept image.
func (d *docker) describe(image store.Image) (inspected, error) {
	i := inspected{ID: image.ID.String(), RepoTags: []string{}, RepoDigests: []string{}}
	for _, name := range image.Names {
		i.RepoTags = append(i.RepoTags, store.Familiar(name))
	}
	for _, repository := range image.Pushed {
		i.RepoDigests = append(i.RepoDigests, store.Familiar(repository+"@"+image.Root.Digest.String()))
	}
	content := d.store.Content(image, authn.DefaultKeychain)
	runnable, err := content.Runnable()
	if errors.Is(err, store.ErrNoPlatform) {
		return i, nil
	}
	if err != nil {
		return i, err
	}
	raw, err := runnable.RawConfigFile()
	if err != nil {
		return i, err
	}
	if i.Size, err = sizeOf(runnable); err != nil {
		return i, err
	}
	return i, i.readConfig(raw)
}

// readConfig fills in what the config of an image says.
func (i *inspected) readConfig(raw []byte) error {
	var config spec.DockerOCIImage
	if err := json.Unmarshal(raw, &config); err != nil {
		return err
	}
	i.Config, i.Author, i.Architecture, i.Variant = &config.Config, config.Author, config.Architecture, config.Variant
	i.Os, i.OsVersion, i.RootFS.Type = config.OS, config.OSVersion, config.RootFS.Type
	if config.Created != nil {
		i.Created = config.Created.Format(time.RFC3339Nano)
	}
	for _, digest := range config.RootFS.DiffIDs {
		i.RootFS.Layers = append(i.RootFS.Layers, digest.String())
	}
	if len(config.History) > 0 {
		i.Comment = config.History[len(config.History)-1].Comment
	}
	return nil
}

// created returns when the image was made, or the zero time if it does not say so.
func (i inspected) created() time.Time {
	created, _ := time.Parse(time.RFC3339Nano, i.Created)
	return created
}

// sizeOf returns the size of an image: of its layers as they are pushed. docker shows that of the unpacked layers.
func sizeOf(image v1.Image) (int64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	size := manifest.Config.Size
	for _, layer := range manifest.Layers {
		size += layer.Size
	}
	return size, nil
}
