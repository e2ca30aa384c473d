package lint

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// checkLink reports each COPY and ADD without --link. Fix adds --link where the filesystem proves it safe;
// elsewhere a person has to decide.
func checkLink(c *checker) {
	ends := map[*stage]*filesystem{}
	for _, s := range c.stages {
		files := c.baseFilesystem(s, ends)
		lastRun := lastRun(s.own)
		for i, in := range s.own {
			if t, ok := in.transfer(); ok && files.written && takesLink(in, t) {
				doubt := files.linkDoubt(t, c.options.Context)
				if i > lastRun && (doubt == "" || wantsLink(t)) {
					c.reportLink(in, t, doubt)
				}
			}
			files.apply(in, c.options.Context)
		}
		ends[s] = files
	}
}

func (c *checker) baseFilesystem(s *stage, ends map[*stage]*filesystem) *filesystem {
	switch {
	case s.parent != nil && len(s.parent.triggers) > 0:
		files := ends[s.parent].clone()
		files.giveUp("the ONBUILD instructions of stage " + s.parent.name + " come before")
		files.dir, files.written = "", true
		return files
	case s.parent != nil:
		return ends[s.parent].clone()
	case s.base == "scratch" && isLinux(s.platform):
		return emptyFilesystem()
	}
	switch {
	case !isLinux(s.platform):
		return imageFilesystem(s.base, "it is not for Linux")
	case strings.Contains(s.base, "$"):
		return imageFilesystem(s.base, "a build argument chooses it")
	case c.options.Bases == nil:
		return imageFilesystem(s.base, "--base-images=always reads its list of files")
	}
	images, err := c.options.Bases(s.base, s.platform)
	if err != nil || len(images) == 0 {
		return imageFilesystem(s.base, "its list of files could not be read")
	}
	return listedFilesystem(s.base, images)
}

// isLinux reports whether the stage is for Linux. Paths on Windows are different.
func isLinux(platform string) bool {
	return platform == "" || platform == "$TARGETPLATFORM" || platform == "$BUILDPLATFORM" || strings.HasPrefix(platform, "linux")
}

// takesLink reports whether --link can be added. BuildKit ignores it together with --chmod.
func takesLink(in *instruction, t transfer) bool {
	_, isSet := in.flag("link")
	return !isSet && t.chmod == ""
}

// wantsLink reports whether a person may want to look at --link, where nothing is proven. It is known to do
// harm at some destinations.
func wantsLink(t transfer) bool {
	destination := unquoted(t.DestPath)
	if destination == "/" && len(t.SourcePaths) > 0 {
		return false
	}
	// These are symlinks in most images, or folders whose owner and mode matter.
	for _, folder := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/var/run", "/var/lock", "/tmp", "/var/tmp", "/root", "/home"} {
		if destination == folder || strings.HasPrefix(destination, folder+"/") {
			return false
		}
	}
	return true
}

// lastRun returns the index of the last RUN, or -1. A RUN needs all files of the layers below it, so --link
// above it saves next to nothing.
func lastRun(sequence []*instruction) int {
	for i := len(sequence) - 1; i >= 0; i-- {
		if _, isRun := sequence[i].command.(*instructions.RunCommand); isRun {
			return i
		}
	}
	return -1
}

func (c *checker) reportLink(in *instruction, t transfer, doubt string) {
	name, line := strings.ToUpper(in.node.Value), strings.TrimSpace(c.line(in.line))
	if doubt == "" && c.linkOffset(in) < 0 {
		doubt = "a line continuation splits the word " + name
	}
	if doubt == "" && !hasLink(c.syntax) {
		doubt = "the frontend " + c.syntax + " is not known to have the flag"
	}
	a := advice{
		message: name + " without --link: the layer is rebuilt whenever the base image or any step before it changes",
		change:  name + " --link " + excerpt(line[min(len(name), len(line)):]),
		effect:  "the layer comes from the cache as long as its own files do not change; with a new base image, this step need not run and the base image need not be unpacked",
	}
	switch {
	case doubt == "":
		a.level, a.fixable = Warning, true
		a.message += "; here --link cannot change the image"
	case t.namesOwner():
		a.change = name + " --link --chown=UID:GID … with the numeric IDs of " + t.chown + ", if nothing else prevents it"
		a.message += "; --fix does not change it, because " + doubt
	default:
		a.change += ", if you know that this does not apply"
		a.message += "; --fix does not change it, because " + doubt
	}
	c.report(in, a)
}
