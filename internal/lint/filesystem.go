package lint

import (
	"maps"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
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
// An image may contain anything, and a RUN or ADD may create anything. So proofs are possible only in stages
// FROM scratch, and stages FROM those, before their first RUN or ADD. Modification times of folders are not
// considered.
//
// https://docs.docker.com/reference/dockerfile/#copy---link
type filesystem struct {
	unprovable string          // why nothing can be proven; empty while proofs are possible
	plain      map[string]bool // folders that, if they exist, belong to root and have mode 0755
	filled     map[string]bool // those of them that contain unknown files
	taken      map[string]bool // paths that may be anything, even a symlink
	parents    map[string]bool // folders above a known path
	dir        string          // WORKDIR; empty when not known
	user       string
	written    bool // the next layer has a layer below it
}

func emptyFilesystem() *filesystem {
	return &filesystem{plain: map[string]bool{"/": true}, filled: map[string]bool{}, taken: map[string]bool{}, parents: map[string]bool{}, dir: "/"}
}

func imageFilesystem(image string) *filesystem {
	f := emptyFilesystem()
	f.dir, f.written = "", true
	f.giveUp("the image " + image + " may have a symlink, a file, or a folder with another owner or mode on the path to the destination")
	return f
}

func (f *filesystem) clone() *filesystem {
	c := *f
	c.plain, c.filled, c.taken, c.parents = maps.Clone(f.plain), maps.Clone(f.filled), maps.Clone(f.taken), maps.Clone(f.parents)
	return &c
}

// giveUp records that nothing can be proven from here on. The first reason is kept.
func (f *filesystem) giveUp(why string) {
	if f.unprovable == "" {
		f.unprovable = why
	}
}

// linkDoubt returns why --link could change the result of the COPY. Empty means that it cannot.
func (f *filesystem) linkDoubt(t transfer) string {
	target, isFolder, ok := f.resolve(t.DestPath)
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
		case f.plain[folder] && folder != "/" && t.chown != "":
			return "--chown would change the owner of the folder " + folder + ", which an earlier step created"
		}
	}
	switch {
	case f.taken[target] || f.filled[target] || f.parents[target]:
		return "an earlier step put something at " + target + ", which --link could replace"
	case f.plain[target] && target != "/" && t.chown != "":
		return "--chown would change the owner of the folder " + target + ", which an earlier step created"
	case f.plain[target] && !isFolder:
		return "the destination is a folder and does not end in a slash: with --link a file would replace it"
	}
	return ""
}

// apply updates the filesystem for an instruction.
func (f *filesystem) apply(in *instruction) {
	switch c := in.command.(type) {
	case *instructions.RunCommand:
		f.giveUp("an earlier RUN may have created a symlink, or a folder with another owner or mode, on the path to the destination")
		f.written = true
	case *instructions.AddCommand:
		f.giveUp("an earlier ADD may have unpacked an archive with symlinks")
		f.written = true
	case *instructions.CopyCommand:
		t, _ := in.transfer()
		f.copyTo(t)
		f.written = true
	case *instructions.WorkdirCommand:
		f.changeDir(c.Path)
		f.written = true
	case *instructions.UserCommand:
		f.user = c.User
	}
}

const mayHaveFollowed = "an earlier step wrote into a folder with unknown files, perhaps through a symlink"

func (f *filesystem) copyTo(t transfer) {
	target, isFolder, ok := f.resolve(t.DestPath)
	if !ok {
		f.giveUp("an earlier step copied to a destination that is known only during the build")
		return
	}
	folders := ancestors(target)
	if isFolder {
		folders = append(folders, target)
	}
	if !f.makeFolders(folders, target, t.chown != "" || t.chmod != "" || t.parents) {
		return
	}
	switch {
	case f.taken[target]:
		f.giveUp(mayHaveFollowed)
	case !isFolder && f.plain[target]:
		f.filled[target] = true
	case !isFolder:
		f.take(target)
	default:
		f.fill(target, t)
	}
}

// fill records the files copied into a folder. Only the names of heredocs are known.
func (f *filesystem) fill(folder string, t transfer) {
	if len(t.SourcePaths) > 0 {
		f.filled[folder] = true
		return
	}
	for _, content := range t.SourceContents {
		f.take(path.Join(folder, content.Path))
	}
}

// makeFolders records folders that are created if they do not exist; custom means with another owner or mode.
// It returns false when the content of target is no longer known.
func (f *filesystem) makeFolders(folders []string, target string, custom bool) bool {
	for _, folder := range folders {
		switch {
		case f.taken[folder] || f.filled[folder] && folder != target:
			f.giveUp(mayHaveFollowed)
			return false
		case f.plain[folder]:
		case custom:
			f.take(folder)
			return false
		default:
			f.plain[folder] = true
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
	f.makeFolders(append(ancestors(f.dir), f.dir), f.dir, !isRoot)
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
