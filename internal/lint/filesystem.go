package lint

import (
	"maps"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// filesystem is what can be proven about a stage's files at one point of the Dockerfile, from its text alone.
//
// It serves one question: does COPY --link make the same files as COPY? BuildKit runs the very same copy in both cases, once
// on top of the stage's files and once in an empty directory that is then laid over them. So the results are the same when
// nothing of what the copy looks at, or writes a second time, is in the stage:
//
//   - No folder on the way to the destination may be a symlink: with --link it is not followed, and becomes a folder.
//   - A folder on the way that exists must be root's with mode 0755: with --link it is made anew like that and replaces owner
//     and mode of the one below. Under --chown it may not exist at all, because the new one belongs to that user.
//   - The destination itself must not exist, or be such a folder with nothing in it. In the latter case the slash at its end
//     is needed: without it a single file goes into the folder, but with --link takes the folder's place.
//
// An image may have anything anywhere, and a RUN or ADD may make anything anywhere. What is left to prove is in stages FROM
// scratch, and those built FROM them, before their first RUN or ADD. Modification times of folders are not looked at.
//
// https://docs.docker.com/reference/dockerfile/#copy---link
type filesystem struct {
	doubt   string          // why nothing can be proven, empty as long as something can
	plain   map[string]bool // folders that, where they exist, are root's with mode 0755
	filled  map[string]bool // those of them that hold unknown files
	taken   map[string]bool // paths at which there may be anything, also a symlink
	parents map[string]bool // folders that a known path lies beneath
	dir     string          // WORKDIR, empty when it is not known
	user    string
	written bool // something is below the next layer
}

func emptyFilesystem() *filesystem {
	return &filesystem{plain: map[string]bool{"/": true}, filled: map[string]bool{}, taken: map[string]bool{}, parents: map[string]bool{}, dir: "/"}
}

func imageFilesystem(image string) *filesystem {
	f := emptyFilesystem()
	f.dir, f.written = "", true
	f.lose("the image " + image + " may have a symlink, a file, or a folder with an owner or mode of its own on the way to the destination")
	return f
}

func (f *filesystem) clone() *filesystem {
	c := *f
	c.plain, c.filled, c.taken, c.parents = maps.Clone(f.plain), maps.Clone(f.filled), maps.Clone(f.taken), maps.Clone(f.parents)
	return &c
}

// lose gives up: from here on nothing can be proven. The first reason stays.
func (f *filesystem) lose(why string) {
	if f.doubt == "" {
		f.doubt = why
	}
}

// doubtAbout says why --link could change what the COPY makes. Empty means that it cannot.
func (f *filesystem) doubtAbout(t transfer) string {
	target, isFolder, ok := f.resolve(t.DestPath)
	switch {
	case t.isAdd:
		return "ADD unpacks archives, and what is in them is not known here"
	case t.parents:
		return "--parents makes folders with the owner and mode that they have in the source, which --link would put over those below"
	case t.namesOwner():
		return "--chown names a user, and with --link there is no /etc/passwd to look the name up in"
	case f.doubt != "" && ok && !isFolder:
		return f.doubt + ", and without a slash at the destination's end a file would take the place of a folder there"
	case f.doubt != "":
		return f.doubt
	case !ok:
		return "the destination is only known in the build"
	}
	for _, folder := range ancestors(target) {
		switch {
		case f.taken[folder] || f.filled[folder]:
			return "an earlier step put files into " + folder + " that are not known here: there may be a symlink on the way to the destination"
		case f.plain[folder] && folder != "/" && t.chown != "":
			return "--chown would give the folder " + folder + ", which an earlier step made, another owner"
		}
	}
	switch {
	case f.taken[target] || f.filled[target] || f.parents[target]:
		return "an earlier step put something at " + target + ", which --link could replace"
	case f.plain[target] && target != "/" && t.chown != "":
		return "--chown would give the folder " + target + ", which an earlier step made, another owner"
	case f.plain[target] && !isFolder:
		return "the destination has no slash at its end and is a folder: with --link a file would take its place"
	}
	return ""
}

// apply takes in what an instruction does to the files.
func (f *filesystem) apply(in *instruction) {
	switch c := in.command.(type) {
	case *instructions.RunCommand:
		f.lose("an earlier RUN may have made a symlink, or a folder with an owner or mode of its own, on the way to the destination")
		f.written = true
	case *instructions.AddCommand:
		f.lose("an earlier ADD may have unpacked an archive with symlinks in it")
		f.written = true
	case *instructions.CopyCommand:
		t, _ := in.transfer()
		f.copied(t)
		f.written = true
	case *instructions.WorkdirCommand:
		f.workdir(c.Path)
		f.written = true
	case *instructions.UserCommand:
		f.user = c.User
	}
}

const followed = "an earlier step wrote through a folder whose files are not known here, perhaps through a symlink"

func (f *filesystem) copied(t transfer) {
	target, isFolder, ok := f.resolve(t.DestPath)
	if !ok {
		f.lose("an earlier step copied to a place that is only known in the build")
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
		f.lose(followed)
	case !isFolder && f.plain[target]:
		f.filled[target] = true
	case !isFolder:
		f.take(target)
	default:
		f.fill(target, t)
	}
}

// fill takes in what comes into a folder: the names of heredocs are known, everything else is not.
func (f *filesystem) fill(folder string, t transfer) {
	if len(t.SourcePaths) > 0 {
		f.filled[folder] = true
		return
	}
	for _, content := range t.SourceContents {
		f.take(path.Join(folder, content.Path))
	}
}

// makeFolders takes in the folders that are made where they do not exist, and is false when that ends what is known.
func (f *filesystem) makeFolders(folders []string, target string, custom bool) bool {
	for _, folder := range folders {
		switch {
		case f.taken[folder] || f.filled[folder] && folder != target:
			f.lose(followed)
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

// take notes that there may be anything at a path.
func (f *filesystem) take(target string) {
	f.taken[target] = true
	for _, folder := range ancestors(target) {
		f.parents[folder] = true
	}
}

func (f *filesystem) workdir(dir string) {
	if !isSettled(dir) {
		f.dir = ""
		f.lose("an earlier WORKDIR is only known in the build")
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

// resolve makes a destination absolute, and tells whether its form says that it is a folder.
func (f *filesystem) resolve(destination string) (target string, isFolder, ok bool) {
	if !isSettled(destination) || !path.IsAbs(destination) && f.dir == "" {
		return "", false, false
	}
	isFolder = strings.HasSuffix(destination, "/") || destination == "."
	if !path.IsAbs(destination) {
		destination = path.Join(f.dir, destination)
	}
	return path.Clean(destination), isFolder, true
}

// ancestors are the folders above a clean absolute path, from "/" down.
func ancestors(target string) []string {
	if target == "/" {
		return nil
	}
	folder := path.Dir(target)
	return append(ancestors(folder), folder)
}
