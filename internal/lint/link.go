package lint

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// checkLink looks for COPY and ADD without --link. Where the filesystem proves that --link changes nothing, Fix adds it; in
// other stages a person can know what the image has at the destination.
func checkLink(c *checker) {
	ends := map[*stage]*filesystem{}
	for _, s := range c.stages {
		files := c.baseFilesystem(s, ends)
		lastRun := lastRun(s.own)
		for i, in := range s.own {
			if t, ok := in.transfer(); ok && files.written && wantsLink(in, t) {
				c.reportLink(in, t, files.doubtAbout(t), i < lastRun)
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
		files.lose("the ONBUILD instructions of stage " + s.parent.name + " come before")
		files.dir, files.written = "", true
		return files
	case s.parent != nil:
		return ends[s.parent].clone()
	case s.base == "scratch" && isSettledPlatform(s.platform):
		return emptyFilesystem()
	}
	return imageFilesystem(s.base)
}

// isSettledPlatform is false where the stage may be one of Windows, whose paths are other ones.
func isSettledPlatform(platform string) bool {
	return platform == "" || platform == "$TARGETPLATFORM" || platform == "$BUILDPLATFORM" || strings.HasPrefix(platform, "linux")
}

// wantsLink is false where --link was decided about, would do nothing, or is known to do harm. BuildKit makes no linked layer
// when there is a --chmod.
func wantsLink(in *instruction, t transfer) bool {
	if _, decided := in.flag("link"); decided || t.chmod != "" {
		return false
	}
	destination := unquoted(t.DestPath)
	if destination == "/" && len(t.SourcePaths) > 0 {
		return false
	}
	// Symlinks in most images, or folders whose owner and mode matter.
	for _, folder := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/var/run", "/var/lock", "/tmp", "/var/tmp", "/root", "/home"} {
		if destination == folder || strings.HasPrefix(destination, folder+"/") {
			return false
		}
	}
	return true
}

// lastRun is the place of the last RUN, -1 when there is none. It needs all files below it, so that --link on these saves little.
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
		doubt = "the word " + name + " is broken by a line continuation"
	}
	a := advice{
		message: name + " without --link: the layer is made again whenever the base image or any step before it changes",
		change:  name + " --link " + excerpt(line[min(len(name), len(line)):]),
		effect:  "the layer comes from the cache for as long as its own files stay the same, and a new base image needs neither this step nor a pull of the layers",
	}
	switch {
	case doubt == "":
		a.level, a.fixable = Warning, true
		a.message += "; here --link cannot change the image"
	case runsLater:
		return
	case t.namesOwner():
		a.change = name + " --link --chown=UID:GID … with the numbers of " + t.chown + ", if nothing else speaks against it"
		a.message += "; --fix leaves it, because " + doubt
	default:
		a.change += ", if you know that this does not apply"
		a.message += "; --fix leaves it, because " + doubt
	}
	c.report(in, a)
}
