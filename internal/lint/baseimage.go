package lint

import (
	"fmt"
	"path"

	"github.com/layercache/layercache/internal/registry/filelist"
)

// Bases returns the lists of files of a base image, for each platform that the build may have. image is the
// name in FROM, platform that of --platform, as written.
type Bases func(image, platform string) ([]filelist.Image, error)

// baseImage is what is known of a base image on all of its platforms.
type baseImage struct {
	name   string
	files  map[string]filelist.File
	filled map[string]bool // folders that are not empty
}

// newBaseImage merges the lists of all platforms. Where they differ, the kind of the file is not known.
func newBaseImage(name string, images []filelist.Image) *baseImage {
	b := &baseImage{name: name, files: map[string]filelist.File{}, filled: map[string]bool{"/": false}}
	for _, image := range images {
		for target, file := range image.Files {
			b.files[target] = file
			b.filled[path.Dir(target)] = true
		}
	}
	for target, file := range b.files {
		for _, image := range images {
			if image.Files[target] != file {
				b.files[target] = filelist.File{}
			}
		}
	}
	return b
}

// isPlainFolder reports whether a path is a folder that COPY --link would create in the same way.
func (b *baseImage) isPlainFolder(target string) bool {
	if b == nil || target == "/" {
		return false
	}
	return isPlain(b.files[target])
}

func isPlain(f filelist.File) bool {
	return f.Kind == filelist.Directory && f.Plain && f.Mode == 0o755 && f.UID == 0 && f.GID == 0
}

// doubt returns why COPY --link could not write below or at a path as COPY does; empty if it can, because the
// path does not exist or is a folder that belongs to root and has mode 0755.
func (b *baseImage) doubt(target string) string {
	if b == nil || target == "/" {
		return ""
	}
	file, ok := b.files[target]
	switch {
	case !ok || isPlain(file):
		return ""
	case file.Kind == filelist.Symlink:
		return fmt.Sprintf("in the image %s, %s is a symlink to %s, and --link would replace it with a folder", b.name, target, file.Target)
	case file.Kind == filelist.Directory && !file.Plain:
		return fmt.Sprintf("in the image %s, the folder %s has no entry of its own or extended attributes", b.name, target)
	case file.Kind == filelist.Directory:
		return fmt.Sprintf("in the image %s, the folder %s belongs to %d:%d and has mode %04o, and --link would set 0:0 and 0755", b.name, target, file.UID, file.GID, file.Mode)
	case file.Kind == filelist.Regular:
		return fmt.Sprintf("in the image %s, %s is a file", b.name, target)
	}
	return fmt.Sprintf("in the image %s, %s is special, or differs between platforms", b.name, target)
}

// existing returns why COPY --link could not replace a file as COPY does.
func (b *baseImage) existing(target string) string {
	if isPlain(b.files[target]) {
		return fmt.Sprintf("in the image %s, %s is a folder, which --link could replace with a file", b.name, target)
	}
	return b.doubt(target)
}

func (b *baseImage) kind(target string) (kind filelist.Kind, exists bool) {
	if b == nil {
		return filelist.Other, false
	}
	file, ok := b.files[target]
	return file.Kind, ok
}

func (b *baseImage) isFilled(target string) bool { return b != nil && b.filled[target] }
