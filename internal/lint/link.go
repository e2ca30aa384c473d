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
			if t, ok := in.transfer(); ok && files.written && wantsLink(in, t) {
				c.reportLink(in, t, files.linkDoubt(t), i < lastRun)
			}
			files.apply(in)
		}
		ends[s] = files
	}
}

func (d *dockerfile) baseFilesystem(s *stage, ends map[*stage]*filesystem) *filesystem {
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
	return imageFilesystem(s.base)
}

// isLinux reports whether the stage is for Linux. Paths on Windows are different.
func isLinux(platform string) bool {
	return platform == "" || platform == "$TARGETPLATFORM" || platform == "$BUILDPLATFORM" || strings.HasPrefix(platform, "linux")
}

// wantsLink reports whether --link may help. It does not where the flag is already set, has no effect, or is
// known to do harm. BuildKit ignores --link together with --chmod.
func wantsLink(in *instruction, t transfer) bool {
	if _, isSet := in.flag("link"); isSet || t.chmod != "" {
		return false
	}
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
// above it saves little.
func lastRun(sequence []*instruction) int {
	for i := len(sequence) - 1; i >= 0; i-- {
		if _, isRun := sequence[i].command.(*instructions.RunCommand); isRun {
			return i
		}
	}
	return -1
}

func (c *checker) reportLink(in *instruction, t transfer, doubt string, runsLater bool) {
	name, line := strings.ToUpper(in.node.Value), strings.TrimSpace(c.line(in.line))
	if doubt == "" && c.linkOffset(in) < 0 {
		doubt = "a line continuation splits the word " + name
	}
	a := advice{
		message: name + " without --link: the layer is rebuilt whenever the base image or any step before it changes",
		change:  name + " --link " + excerpt(line[min(len(name), len(line)):]),
		effect:  "the layer comes from the cache as long as its own files do not change; with a new base image, this step need not run and the base layers need not be pulled",
	}
	switch {
	case doubt == "":
		a.level, a.fixable = Warning, true
		a.message += "; here --link cannot change the image"
	case runsLater:
		return
	case t.namesOwner():
		a.change = name + " --link --chown=UID:GID … with the numeric IDs of " + t.chown + ", if nothing else prevents it"
		a.message += "; --fix does not change it, because " + doubt
	default:
		a.change += ", if you know that this does not apply"
		a.message += "; --fix does not change it, because " + doubt
	}
	c.report(in, a)
}
