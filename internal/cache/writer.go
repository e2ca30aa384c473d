package cache

import (
	"path"
	"reflect"
	"slices"
	"strings"
)

// Writer is what a build builds: the part of its input that stays the same from build to build.
type Writer struct {
	// Images are the names of the images, REPOSITORY:TAG, without the registry's host.
	Images []string `json:"images,omitempty"`
	// Context and Dockerfile are paths in the checkout, or the Git address of a remote context. They are empty
	// for the checkout itself, for a Dockerfile that is not a file, and for temporary paths.
	Context    string `json:"context,omitempty"`
	Dockerfile string `json:"dockerfile,omitempty"`
	// Target is the stage that is built; empty means the last.
	Target string `json:"target,omitempty"`
	// Source is the repository or the project that CodeBuild builds.
	Source string `json:"source,omitempty"`
	// Arguments are the digests of the build arguments' values, by name.
	Arguments map[string]string `json:"arguments,omitempty"`
}

// maxNames is the number of images that a record keeps of a writer.
const maxNames = 10

// maxWriters is the number of earlier writers that a record keeps.
const maxWriters = 8

// Repository returns the repository of the first image, or "".
func (w Writer) Repository() string {
	if len(w.Images) == 0 {
		return ""
	}
	return repositoryOf(w.Images[0])
}

// repositoryOf returns an image's name without the tag or digest.
func repositoryOf(image string) string {
	at := strings.LastIndexByte(image, ':')
	if algorithm := strings.LastIndex(image, ":sha256:"); algorithm >= 0 {
		at = algorithm
	}
	if at < 0 {
		return image
	}
	return image[:at]
}

// String describes the writer: its first image and what is built.
func (w Writer) String() string {
	var details []string
	detail := func(name, value string) {
		if value != "" {
			details = append(details, name+" "+value)
		}
	}
	detail("Dockerfile", w.Dockerfile)
	if w.Dockerfile != path.Join(w.Context, "Dockerfile") {
		detail("context", w.Context)
	}
	detail("target", w.Target)
	detail("source", w.Source)
	text := strings.Join(details, ", ")
	switch {
	case len(w.Images) == 0:
		return text
	case text == "":
		return w.Images[0]
	}
	return w.Images[0] + " (" + text + ")"
}

// isZero reports whether nothing is known of the writer.
func (w Writer) isZero() bool { return w.String() == "" }

// buildsTheSame reports whether the two build the same stage of the same Dockerfile and context, as far as is known.
func (w Writer) buildsTheSame(other Writer) bool {
	source := w.Source == other.Source || w.Source == "" || other.Source == ""
	dockerfile := w.Dockerfile == other.Dockerfile || w.Dockerfile == "" || other.Dockerfile == ""
	return source && dockerfile && w.Context == other.Context && w.Target == other.Target
}

// sharesName reports whether the two have an image name in common.
func (w Writer) sharesName(other Writer) bool {
	return slices.ContainsFunc(w.Images, func(image string) bool { return slices.Contains(other.Images, image) })
}

// sharesRepository reports whether the two push to a repository in common. A build without a name may be of
// any image.
func (w Writer) sharesRepository(other Writer) bool {
	return len(w.Images) == 0 || len(other.Images) == 0 || slices.ContainsFunc(w.Images, func(image string) bool {
		return slices.ContainsFunc(other.Images, func(o string) bool { return repositoryOf(image) == repositoryOf(o) })
	})
}

// Clash is another image whose build wrote a cache.
type Clash struct {
	// Writer describes that build.
	Writer string
	// SameSource is true when it builds the same stage of the same Dockerfile and context.
	SameSource bool
}

// Clash returns the other image whose build wrote the cache last; nil if it was w itself, or may have been.
// Another name of the same source is no other image, because a new version has a new tag too, and a release may
// have a repository of its own, unless the two take turns with different build arguments or Dockerfiles. dockerfile
// is the digest of w's Dockerfile. The receiver may be nil.
func (r *Record) Clash(w Writer, dockerfile string) *Clash {
	switch {
	case r == nil || r.Writer.isZero():
		return nil
	case !r.Writer.buildsTheSame(w):
		return &Clash{Writer: r.Writer.String()}
	case !r.Writer.sharesRepository(w) && (r.Inputs.Dockerfile != dockerfile && r.wroteBefore(w) || r.takesTurns(w)):
		return &Clash{Writer: r.Writer.String(), SameSource: true}
	case !r.Writer.sharesName(w) && r.takesTurns(w):
		return &Clash{Writer: r.Writer.String(), SameSource: true}
	}
	return nil
}

// wroteBefore reports whether an earlier writer has a name of w.
func (r *Record) wroteBefore(w Writer) bool {
	return slices.ContainsFunc(r.Earlier, func(earlier Writer) bool { return earlier.sharesName(w) })
}

// takesTurns reports whether an earlier writer has a name of w, and an argument as w has it, which the last
// writer has not. If the Dockerfile is not known, the name is enough.
func (r *Record) takesTurns(w Writer) bool {
	return slices.ContainsFunc(r.Earlier, func(earlier Writer) bool {
		if !earlier.sharesName(w) {
			return false
		}
		if w.Dockerfile == "" {
			return true
		}
		for name, value := range w.Arguments {
			if earlier.Arguments[name] == value && r.Writer.Arguments[name] != value {
				return true
			}
		}
		return false
	})
}

// SetWriter sets the writer, and keeps those of the previous record at the same ref, which may be nil.
func (r *Record) SetWriter(w Writer, previous *Record) {
	w.Images = w.Images[:min(len(w.Images), maxNames)]
	r.Writer = w
	if previous == nil {
		return
	}
	for _, earlier := range append([]Writer{previous.Writer}, previous.Earlier...) {
		known := func(other Writer) bool { return reflect.DeepEqual(other, earlier) }
		if !earlier.isZero() && !slices.ContainsFunc(r.Earlier, known) && len(r.Earlier) < maxWriters {
			r.Earlier = append(r.Earlier, earlier)
		}
	}
}
