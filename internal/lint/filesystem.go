package lint

import (
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/layercache/layercache/internal/registry/filelist"
)

// filesystem is what the text of the Dockerfile proves about a stage's files, at one instruction.
//
// It answers one question: does COPY --link create the same files as COPY? BuildKit runs the same copy in
// both cases: without --link on top of the stage's files, with --link in an empty directory that is then laid
// over them. The result is the same if the copy neither reads nor overwrites anything of the stage:
//
//   - No folder on the path to the destination may be a symlink: --link does not follow it, and replaces it
//     with a folder.
//   - An existing folder on the path must belong to root and have mode 0755: --link creates it again like
//     that, and replaces owner and mode of the existing one. With --chown it must not exist at all, because
//     the new one belongs to that user.
//   - The destination itself must not exist, or be such a folder and empty. If it is a folder, it must end in
//     a slash: without the slash a single file is copied into the folder, but with --link it replaces the
//     folder.
//
// An image may contain anything, and a RUN or ADD may create anything. So proofs are possible only before the
// first RUN or ADD, in stages FROM scratch, FROM an image whose list of files is known, and FROM those.
// Modification times of folders are not considered.
//
// https://docs.docker.com/reference/dockerfile/#copy---link
type filesystem struct {
	base       *baseImage      // the files of the base image; nil for none
	unprovable string          // why nothing can be proven; empty while proofs are possible
	plain      map[string]bool // folders that, if they exist, belong to root and have mode 0755
	filled     map[string]bool // plain folders that contain unknown files
	taken      map[string]bool // paths that may be anything, even a symlink
	parents    map[string]bool // folders above a known path
	uncertain  map[string]bool // plain folders that may not exist
	dir        string          // WORKDIR; empty when not known
	user       string
	written    bool // the next layer has a layer below it
}

func emptyFilesystem() *filesystem {
	return &filesystem{plain: map[string]bool{"/": true}, filled: map[string]bool{}, taken: map[string]bool{}, parents: map[string]bool{}, uncertain: map[string]bool{}, dir: "/"}
}

// imageFilesystem is an image whose files are not known, for the reason why.
func imageFilesystem(image, why string) *filesystem {
	f := emptyFilesystem()
	f.dir, f.written = "", true
	f.giveUp("the image " + image + " may have a symlink, a file, or a folder with another owner or mode on the path to the destination (" + why + ")")
	return f
}

// listedFilesystem is an image whose files are known.
func listedFilesystem(name string, images []filelist.Image) *filesystem {
	f := emptyFilesystem()
	f.base, f.written = newBaseImage(name, images), true
	f.dir, f.user = images[0].WorkingDir, images[0].User
	for _, image := range images {
		if image.Triggers {
			f.giveUp("the ONBUILD instructions of the image " + name + " come before")
		}
		if image.WorkingDir != f.dir || image.User != f.user {
			f.giveUp("the image " + name + " has another WORKDIR or USER on other platforms")
		}
	}
	if f.dir == "" {
		f.dir = "/"
	}
	return f
}

func (f *filesystem) clone() *filesystem {
	c := *f
	c.plain, c.filled, c.taken = maps.Clone(f.plain), maps.Clone(f.filled), maps.Clone(f.taken)
	c.parents, c.uncertain = maps.Clone(f.parents), maps.Clone(f.uncertain)
	return &c
}

// giveUp records that nothing can be proven from here on. The first reason is kept.
func (f *filesystem) giveUp(why string) {
	if f.unprovable == "" {
		f.unprovable = why
	}
}

// linkDoubt returns why --link could change the result of the COPY. Empty means that it cannot.
func (f *filesystem) linkDoubt(t transfer, context *Context) string {
	target, isFolder, ok := f.resolve(t.DestPath)
	isFolder = isFolder || t.copiesFolders(context)
	switch {
	case t.isAdd:
		return "ADD unpacks archives, whose content is not known"
	case t.parents:
		return "--parents creates folders with the owner and mode of the source, and --link would replace existing ones with them"
	case t.namesOwner():
		return "--chown has a user name, and with --link there is no /etc/passwd to look it up in"
	case f.unprovable != "" && ok && !isFolder:
		return f.unprovable + ", and because the destination does not end in a slash, a file would replace a folder there"
	case f.unprovable != "":
		return f.unprovable
	case !ok:
		return "the destination is known only during the build"
	}
	for _, folder := range ancestors(target) {
		switch {
		case f.taken[folder] || f.filled[folder]:
			return "an earlier step put unknown files into " + folder + ": there may be a symlink on the path to the destination"
		case f.base.doubt(folder) != "":
			return f.base.doubt(folder)
		case f.isPlain(folder) && folder != "/" && t.chown != "":
			return "--chown would change the owner of the folder " + folder + ", which exists already"
		}
	}
	return f.targetDoubt(target, isFolder, t, context)
}

// targetDoubt is the part of linkDoubt about the destination itself.
func (f *filesystem) targetDoubt(target string, isFolder bool, t transfer, context *Context) string {
	if f.taken[target] || f.filled[target] {
		return "an earlier step put something at " + target + ", which --link could replace"
	}
	if kind, exists := f.base.kind(target); exists && kind == filelist.Regular && !isFolder {
		return "" // Both replace the file. A folder in the place of a file is an error without --link.
	}
	if doubt := f.base.doubt(target); doubt != "" {
		return doubt
	}
	switch {
	case f.isPlain(target) && target != "/" && t.chown != "":
		return "--chown would change the owner of the folder " + target + ", which exists already"
	case f.isPlain(target) && !isFolder:
		return "the destination is a folder and does not end in a slash: with --link a file would replace it"
	case !f.parents[target] && !f.base.isFilled(target):
		return ""
	}
	names, ok := t.names(context)
	if !ok && f.parents[target] {
		return "an earlier step put something at " + target + ", which --link could replace"
	}
	if !ok {
		return fmt.Sprintf("in the image %s, the folder %s is not empty, and the names of the files that are copied are not known", f.base.name, target)
	}
	for _, name := range names {
		file := path.Join(target, name)
		if f.taken[file] || f.plain[file] {
			return "an earlier step put something at " + file + ", which --link could replace"
		}
		if kind, exists := f.base.kind(file); exists && kind != filelist.Regular {
			return f.base.existing(file)
		}
	}
	return ""
}

// isPlain reports whether a path is a folder that belongs to root and has mode 0755, if it exists.
func (f *filesystem) isPlain(target string) bool {
	return f.plain[target] || f.base.isPlainFolder(target)
}

// apply updates the filesystem for an instruction.
func (f *filesystem) apply(in *instruction, context *Context) {
	switch c := in.command.(type) {
	case *instructions.RunCommand:
		f.giveUp("an earlier RUN may have created a symlink, or a folder with another owner or mode, on the path to the destination")
		f.written = true
	case *instructions.AddCommand:
		f.giveUp("an earlier ADD may have unpacked an archive with symlinks")
		f.written = true
	case *instructions.CopyCommand:
		t, _ := in.transfer()
		f.copyTo(t, context)
		f.written = true
	case *instructions.WorkdirCommand:
		f.changeDir(c.Path)
		f.written = true
	case *instructions.UserCommand:
		f.user = c.User
	}
}

const mayHaveFollowed = "an earlier step wrote into a folder with unknown files, perhaps through a symlink"

func (f *filesystem) copyTo(t transfer, context *Context) {
	target, isFolder, ok := f.resolve(t.DestPath)
	if !ok {
		f.giveUp("an earlier step copied to a destination that is known only during the build")
		return
	}
	folders := ancestors(target)
	if isFolder {
		folders = append(folders, target)
	}
	if !f.makeFolders(folders, target, t.chown != "" || t.chmod != "" || t.parents, t.mayCopyNothing()) {
		return
	}
	kind, exists := f.base.kind(target)
	switch {
	case f.taken[target] || exists && kind != filelist.Directory && kind != filelist.Regular:
		f.giveUp(mayHaveFollowed)
	case isFolder:
		f.fill(target, t, context)
	case f.plain[target] || exists && kind == filelist.Directory:
		f.filled[target] = true
	case !exists:
		f.take(target)
	}
}

// fill records the files copied into a folder.
func (f *filesystem) fill(folder string, t transfer, context *Context) {
	names, ok := t.names(context)
	if !ok {
		f.filled[folder] = true
		return
	}
	for _, name := range names {
		f.take(path.Join(folder, name))
	}
}

// makeFolders records folders that are created if they do not exist; custom means with another owner or mode,
// uncertain that they may not be created. It returns false when the content of target is no longer known.
func (f *filesystem) makeFolders(folders []string, target string, custom, uncertain bool) bool {
	for _, folder := range folders {
		kind, exists := f.base.kind(folder)
		switch {
		case f.taken[folder] || f.filled[folder] && folder != target || exists && kind != filelist.Directory:
			f.giveUp(mayHaveFollowed)
			return false
		case f.uncertain[folder] && custom:
			f.take(folder)
			return false
		case f.plain[folder] || exists:
			if !uncertain {
				delete(f.uncertain, folder)
			}
		case custom:
			f.take(folder)
			return false
		default:
			f.plain[folder] = true
			if uncertain {
				f.uncertain[folder] = true
			}
			f.parents[path.Dir(folder)] = true
		}
	}
	return true
}

// take records that a path may be anything.
func (f *filesystem) take(target string) {
	f.taken[target] = true
	for _, folder := range ancestors(target) {
		f.parents[folder] = true
	}
}

func (f *filesystem) changeDir(dir string) {
	if !isLiteral(dir) {
		f.dir = ""
		f.giveUp("an earlier WORKDIR is known only during the build")
		return
	}
	if !path.IsAbs(dir) && f.dir == "" {
		return
	}
	if !path.IsAbs(dir) {
		dir = path.Join(f.dir, dir)
	}
	f.dir = path.Clean(dir)
	isRoot := f.user == "" || f.user == "root" || f.user == "0"
	f.makeFolders(append(ancestors(f.dir), f.dir), f.dir, !isRoot, false)
}

// resolve returns the absolute destination, and whether its spelling means a folder. ok is false when it is
// not known.
func (f *filesystem) resolve(destination string) (target string, isFolder, ok bool) {
	if !isLiteral(destination) || !path.IsAbs(destination) && f.dir == "" {
		return "", false, false
	}
	isFolder = strings.HasSuffix(destination, "/") || destination == "."
	if !path.IsAbs(destination) {
		destination = path.Join(f.dir, destination)
	}
	return path.Clean(destination), isFolder, true
}

// ancestors returns the folders above a clean absolute path, from "/" down.
func ancestors(target string) []string {
	if target == "/" {
		return nil
	}
	folder := path.Dir(target)
	return append(ancestors(folder), folder)
}
