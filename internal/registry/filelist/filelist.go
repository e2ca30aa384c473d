// Package filelist lists the files of an image, from the headers in its layers. It keeps no content.
package filelist

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Kind is the kind of a file.
type Kind int

// The kinds of files.
const (
	Other Kind = iota // a device, a pipe, or what is not known
	Directory
	Regular
	Symlink
)

// File describes a file.
type File struct {
	Kind     Kind
	Mode     int64 // permissions with set-user-ID, set-group-ID and sticky bit
	UID, GID int
	Target   string // of a symlink
	// Plain reports whether the file has an entry of its own without extended attributes. A folder that only
	// occurs in the paths of other files has none.
	Plain bool
}

// Image is the list of an image's files, with what a build takes over from its configuration.
type Image struct {
	Digest string // of the manifest or the index
	// Files has the files by their clean absolute path.
	Files map[string]File
	// WorkingDir and User are from the image's configuration.
	WorkingDir, User string
	// Triggers reports whether the image has ONBUILD instructions.
	Triggers bool
}

// Options limit a Read.
type Options struct {
	Keychain authn.Keychain
	// Platforms are those to read. An image for several platforms needs one of them.
	Platforms []v1.Platform
	// MaxBytes is the most that all layers may have together, compressed.
	MaxBytes int64
}

// errTooLarge says that the layers are larger than Options.MaxBytes.
var errTooLarge = errors.New("the layers are larger than the limit")

// maxFiles is the most files that an image may have.
const maxFiles = 2_000_000

// Read lists the files of an image for each of the platforms that the image has.
func Read(ctx context.Context, ref name.Reference, options Options) ([]Image, error) {
	remoteOptions := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(options.Keychain)}
	got, err := remote.Get(ref, remoteOptions...)
	if err != nil {
		return nil, err
	}
	images, err := imagesOf(got, options.Platforms)
	if err != nil {
		return nil, err
	}
	if err := checkSize(images, options.MaxBytes); err != nil {
		return nil, err
	}
	var lists []Image
	for _, image := range images {
		list, err := listImage(ctx, image)
		if err != nil {
			return nil, err
		}
		list.Digest = got.Digest.String()
		lists = append(lists, list)
	}
	return lists, nil
}

// imagesOf returns the images for the platforms.
func imagesOf(got *remote.Descriptor, platforms []v1.Platform) ([]v1.Image, error) {
	if !got.MediaType.IsIndex() {
		image, err := got.Image()
		return []v1.Image{image}, err
	}
	index, err := got.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var images []v1.Image
	for _, platform := range platforms {
		for _, descriptor := range manifest.Manifests {
			if descriptor.Platform == nil || !descriptor.Platform.Satisfies(platform) {
				continue
			}
			image, err := index.Image(descriptor.Digest)
			if err != nil {
				return nil, err
			}
			images = append(images, image)
			break
		}
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("it has none of the platforms %v", platforms)
	}
	return images, nil
}

// checkSize checks the sum of the layers. A layer that several images share counts once for each.
func checkSize(images []v1.Image, limit int64) error {
	var total int64
	for _, image := range images {
		manifest, err := image.Manifest()
		if err != nil {
			return err
		}
		for _, layer := range manifest.Layers {
			total += layer.Size
		}
	}
	if total > limit {
		return fmt.Errorf("%w: %d MB, limit %d MB", errTooLarge, total>>20, limit>>20)
	}
	return nil
}

// listImage lists the files of one image, without its digest.
func listImage(ctx context.Context, image v1.Image) (Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return Image{}, err
	}
	if config.OS != "" && config.OS != "linux" {
		return Image{}, fmt.Errorf("it is an image for %s", config.OS)
	}
	list := Image{
		Files: map[string]File{}, WorkingDir: config.Config.WorkingDir, User: config.Config.User, Triggers: len(config.Config.OnBuild) > 0,
	}
	layers, err := image.Layers()
	if err != nil {
		return Image{}, err
	}
	for _, layer := range layers {
		if err := apply(ctx, list.Files, layer); err != nil {
			digest, _ := partial.Descriptor(layer)
			if digest != nil {
				return Image{}, fmt.Errorf("layer %s: %w", digest.Digest, err)
			}
			return Image{}, err
		}
	}
	return list, nil
}

// apply adds the headers of a layer.
func apply(ctx context.Context, files map[string]File, layer v1.Layer) (err error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	return applyLayer(ctx, files, content)
}

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// applyLayer changes a list of files by the headers in a layer's tar stream. Whiteouts remove only files of the
// layers below, wherever they are in the stream.
func applyLayer(ctx context.Context, files map[string]File, content io.Reader) error {
	added, removed, emptied := map[string]File{}, map[string]bool{}, map[string]bool{}
	reader := tar.NewReader(content)
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(files)+len(added) > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		target := path.Clean("/" + header.Name)
		folder, base := path.Split(target)
		switch {
		case base == opaque:
			emptied[path.Clean(folder)] = true
		case strings.HasPrefix(base, whiteout):
			removed[folder+strings.TrimPrefix(base, whiteout)] = true
		default:
			added[target] = fileOf(header, files, added)
		}
	}
	for target, file := range added {
		if old, ok := files[target]; ok && file.Kind != Directory && old.Kind == Directory {
			emptied[target] = true
		}
	}
	remove(files, removed, emptied)
	for target, file := range added {
		files[target] = file
	}
	return addParents(files, added)
}

func fileOf(header *tar.Header, lists ...map[string]File) File {
	file := File{Mode: header.Mode & 0o7777, UID: header.Uid, GID: header.Gid, Plain: true}
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "SCHILY.xattr.") {
			file.Plain = false
		}
	}
	switch header.Typeflag {
	case tar.TypeDir:
		file.Kind = Directory
	case tar.TypeReg:
		file.Kind = Regular
	case tar.TypeSymlink:
		file.Kind, file.Target = Symlink, header.Linkname
	case tar.TypeLink:
		for _, list := range lists {
			if target, ok := list[path.Clean("/"+header.Linkname)]; ok {
				file = target
			}
		}
	}
	return file
}

// remove removes files, and files below them or below a folder that was emptied.
func remove(files map[string]File, removed, emptied map[string]bool) {
	if len(removed)+len(emptied) == 0 {
		return
	}
	for target := range files {
		gone := removed[target]
		for folder := target; folder != "/" && !gone; {
			folder = path.Dir(folder)
			gone = removed[folder] || emptied[folder]
		}
		if gone {
			delete(files, target)
		}
	}
}

// addParents adds the folders that have no entry of their own. Their owner and mode depend on who unpacks the
// layer. It returns an error if a file is below something else than a folder.
func addParents(files, added map[string]File) error {
	for target := range added {
		for folder := path.Dir(target); folder != "/"; folder = path.Dir(folder) {
			if parent, ok := files[folder]; ok && parent.Kind != Directory {
				return fmt.Errorf("it has the file %s below %s, which is not a folder", target, folder)
			} else if ok {
				break
			}
			files[folder] = File{Kind: Directory}
		}
	}
	return nil
}
