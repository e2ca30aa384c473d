package buildx

import (
	"slices"
	"strconv"
	"strings"
)

// ImageForm is the form of the images that a build writes. An attribute that the caller gave to an output of
// its own has precedence.
type ImageForm struct {
	// Compression is the compression of every layer: BuildKit recompresses a layer from the cache or from the
	// base image that has another. Level is its level; empty means the compressor's default.
	Compression, Level string
	// OCIArtifact writes attestations as OCI artifacts, which refer to the image by their subject.
	OCIArtifact bool
	// RewriteTimestamp sets the times of files in the build's own layers to SOURCE_DATE_EPOCH if they are
	// later. It has no effect without SOURCE_DATE_EPOCH.
	RewriteTimestamp bool
}

// WithImageForm returns the arguments with the form added to each output that is an image. --push and --load
// get an output of their own, because they have no attributes.
func (a Args) WithImageForm(form ImageForm) []string {
	var arguments []string
	for name, pieces := range flags(a.Rest) {
		if name == "output" {
			_, value, _ := readFlag(pieces)
			pieces = form.addTo(pieces, value)
		}
		arguments = append(arguments, pieces...)
	}
	pushes, loads, outputs := a.images()
	var implied []string
	if pushes && !outputs["image"] {
		implied = append(implied, "--output="+form.describe("type=image"))
	}
	if loads && !outputs["docker"] {
		implied = append(implied, "--output="+form.describe("type=docker"))
	}
	return append(implied, arguments...)
}

// WritesImage reports whether the arguments write an image: push it, load it or write it to a file.
func (a Args) WritesImage() bool {
	pushes, loads, outputs := a.images()
	return pushes || loads || len(outputs) > 0
}

// images returns how images leave the builder: whether --push and --load hold, and which types of image --output names.
func (a Args) images() (pushes, loads bool, outputs map[string]bool) {
	outputs = map[string]bool{}
	for name, pieces := range flags(a.Rest) {
		_, value, _ := readFlag(pieces)
		switch name {
		case "push":
			pushes = isTrue(value)
		case "load":
			loads = isTrue(value)
		case "output":
			if kind := outputType(value); kind != "" {
				outputs[kind] = true
			}
		}
	}
	return pushes, loads, outputs
}

// Outputs returns the values of --output that leave the builder, with the form added. They stay as they are, and
// changed is false, if one of them is written to a path.
func (f ImageForm) Outputs(outputs []string) (formed []string, changed bool) {
	for _, output := range outputs {
		if OnlyCaches(output) {
			continue
		}
		if outputType(output) == "" || len(attributes(output, "dest")) > 0 {
			return outputs, false
		}
		formed = append(formed, f.describe(output))
	}
	return formed, len(formed) > 0
}

// CachesReadFrom returns the paths of the local caches that a value of --cache-from reads.
func CachesReadFrom(value string) []string { return localCaches(value, "src") }

// CachesWrittenTo returns the paths of the local caches that a value of --cache-to writes.
func CachesWrittenTo(value string) []string { return localCaches(value, "dest") }

func localCaches(value, attribute string) []string {
	if !slices.Contains(attributes(value, "type"), "local") {
		return nil
	}
	return attributes(value, attribute)
}

// cacheSecrets are the attributes of a cache that hold a secret: https://docs.docker.com/build/cache/backends/.
var cacheSecrets = []string{"secret_access_key", "session_token", "token", "ghtoken"}

// CacheSecret returns the attribute with a secret in a value of --cache-from or --cache-to, or "".
func CacheSecret(value string) string {
	for _, name := range cacheSecrets {
		if len(attributes(value, name)) > 0 {
			return name
		}
	}
	return ""
}

// Pushes reports whether a value of --output pushes an image.
func Pushes(output string) bool {
	return slices.Contains(attributes(output, "type"), "registry") || slices.Contains(attributes(output, "push"), "true")
}

// DeletesFiles reports whether a value of --output deletes what is in its folder.
func DeletesFiles(output string) bool {
	return slices.Contains(attributes(output, "type"), "local") && slices.Contains(attributes(output, "mode"), "delete")
}

// OnlyCaches reports whether a value of --output leaves the result in the builder.
func OnlyCaches(output string) bool { return slices.Contains(attributes(output, "type"), "cacheonly") }

// outputType returns the type of exporter for a value of --output, or "" if it is not an image. "registry" is
// an image that is pushed.
func outputType(output string) string {
	for _, kind := range attributes(output, "type") {
		switch kind {
		case "image", "registry":
			return "image"
		case "docker", "oci":
			return kind
		}
	}
	return ""
}

// addTo returns the pieces of --output with the form added to their value, which is the end of the last piece.
func (f ImageForm) addTo(pieces []string, output string) []string {
	if outputType(output) == "" {
		return pieces
	}
	pieces = slices.Clone(pieces)
	last := len(pieces) - 1
	pieces[last] = strings.TrimSuffix(pieces[last], output) + f.describe(output)
	return pieces
}

// describe returns the value of --output with the attributes of the form that it does not have.
func (f ImageForm) describe(output string) string {
	has := func(name string) bool { return len(attributes(output, name)) > 0 }
	fields := []string{output}
	add := func(name, value string) {
		if !has(name) {
			fields = append(fields, name+"="+value)
		}
	}
	if !has("compression") && !has("force-compression") {
		add("compression", f.Compression)
		add("force-compression", "true")
		if f.Level != "" {
			add("compression-level", f.Level)
		}
	}
	// BuildKit ignores attributes that it does not know, and refuses OCI artifacts without OCI media types.
	if !f.OCIArtifact || !has("oci-mediatypes") {
		add("oci-artifact", strconv.FormatBool(f.OCIArtifact))
	}
	// Up to v0.33, BuildKit refuses to unpack an image whose times it changes.
	if f.RewriteTimestamp && !has("unpack") {
		add("rewrite-timestamp", "true")
	}
	return strings.Join(fields, ",")
}
