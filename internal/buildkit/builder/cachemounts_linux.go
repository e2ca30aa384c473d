package builder

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/layercache/layercache/internal/cachemount"
)

// startWithParent starts a program that ends with this process.
func startWithParent(command *exec.Cmd) error {
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends that started the process.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return command.Start()
}

// mountServer answers the OCI runtime before steps with cache mounts.
type mountServer struct {
	state    *state
	keeper   cachemount.Keeper
	listener net.Listener
	// daemon is the process ID of buildkitd, in whose mount namespace a step's mounts are.
	daemon int
	ctx    context.Context
	cancel context.CancelFunc
	// left is cancelled when nobody is to wait for the end of steps any more.
	left  context.Context
	leave context.CancelFunc
	steps sync.WaitGroup
}

func serveMounts(state *state, keeper cachemount.Keeper, daemon int) (*mountServer, error) {
	listener, err := net.Listen("unix", state.path(mountsSocket))
	if err != nil {
		return nil, err
	}
	s := &mountServer{state: state, keeper: keeper, listener: listener, daemon: daemon}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.left, s.leave = context.WithCancel(context.Background())
	go s.accept()
	return s, nil
}

func (s *mountServer) accept() {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.steps.Go(func() {
			defer connection.Close()
			s.serve(connection)
		})
	}
}

// abandon is close for a builder that still runs, perhaps with steps of other builds. It does not wait for their end.
func (s *mountServer) abandon() {
	s.leave()
	s.close()
}

// close ends the restores and waits until the keeper knows of the end of all steps. The builder must have been
// stopped.
func (s *mountServer) close() {
	_ = s.listener.Close()
	s.cancel()
	s.steps.Wait()
}

// serve serves one step. It always answers: a connection that ends without an answer means that this program has
// ended, and then nobody knows what is in the mounts.
func (s *mountServer) serve(connection net.Conn) {
	begin := time.Now()
	reader := json.NewDecoder(bufio.NewReader(connection))
	writer := json.NewEncoder(connection)
	var step stepMessage
	var mounts []cachemount.Mount
	err := reader.Decode(&step)
	if err == nil {
		mounts, err = s.find(step)
	}
	if err != nil || len(mounts) == 0 {
		// The step runs with the mounts as BuildKit made them.
		if err != nil {
			s.keeper.MountsUnknown(err)
		}
		_ = writer.Encode(readyMessage{})
		return
	}
	s.keeper.BeforeStep(s.ctx, mounts)
	ready := time.Now()
	var end endMessage
	if err := writer.Encode(readyMessage{Await: true}); err == nil {
		defer context.AfterFunc(s.left, func() { _ = connection.Close() })()
		_ = reader.Decode(&end)
	}
	s.keeper.AfterStep(mounts, begin, time.Since(ready), end.Succeeded)
}

// find returns the cache mounts among the mounts of a step.
func (s *mountServer) find(step stepMessage) ([]cachemount.Mount, error) {
	mounts, command := step.Mounts, commandDigest(step.Process.Args)
	var found []cachemount.Mount
	var ids map[string]string
	for _, mount := range mounts {
		place, ok := s.place(mount)
		if !ok {
			continue
		}
		if ids == nil {
			var err error
			if ids, err = readMountIDs(s.state.path("root"), s.state.snapshotter, s.state.path("tmp")); err != nil {
				return nil, err
			}
		}
		id, ok := ids[place.snapshot]
		if !ok {
			continue
		}
		found = append(found, cachemount.Mount{
			ID: id, Copy: place.snapshot, Dir: place.dir, Kept: place.kept, KeptBelow: place.below, Unkept: place.unkept,
			ReadOnly: slices.Contains(mount.Options, "ro"), Exclude: nestedMounts(mount.Destination, mounts), Command: command,
		})
	}
	return found, nil
}

// commandDigest returns the start of the digest of a step's command. Steps with the same command are the same step
// for the time that they take.
func commandDigest(args []string) string {
	sum := sha256.New()
	for _, arg := range args {
		fmt.Fprintf(sum, "%d:%s", len(arg), arg)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// nestedMounts returns the paths below the destination at which other mounts are.
func nestedMounts(destination string, mounts []bundleMount) []string {
	var nested []string
	for _, other := range mounts {
		if below, ok := strings.CutPrefix(filepath.Clean(other.Destination), filepath.Clean(destination)+"/"); ok {
			nested = append(nested, below)
		}
	}
	return nested
}

// mountPlace is where the files of a mount are.
type mountPlace struct {
	// snapshot is the number of the snapshot in BuildKit's snapshotter.
	snapshot string
	// dir is the folder as the step sees it, kept the folder of the snapshot, and below the path of the mount in it.
	dir, kept, below string
	// unkept is why the mount cannot be kept; empty if it can.
	unkept string
}

// snapshotFolder matches a folder in a snapshot in BuildKit's state: the snapshot's folder, its number, and the path in it.
// The native snapshotter has no fs.
var snapshotFolder = regexp.MustCompile(`^(?s)(.*/(?:runc-overlayfs/snapshots/snapshots/([0-9]+)/fs|runc-native/snapshots/snapshots/([0-9]+)))(?:/(.*))?$`)

// inSnapshot splits a path in a snapshot into the snapshot's folder, its number, and the path in it.
func inSnapshot(path string) (folder, number, below string, ok bool) {
	match := snapshotFolder.FindStringSubmatch(path)
	if match == nil {
		return "", "", "", false
	}
	return match[1], match[2] + match[3], match[4], true
}

// ownBase is the folder that the Dockerfile frontend makes for a mount with uid=, gid= or mode=.
//
// https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/dockerfile2llb/convert_runmount.go (setCacheUIDGID)
const ownBase = "cache"

// Mounts that are not kept.
const (
	unkeptFrom   = "it starts with the files of its from="
	unkeptSource = "it is only a part of its from=, because it has source="
)

// place returns where the files of a mount are, and false if they are not in a snapshot that can be changed.
func (s *mountServer) place(mount bundleMount) (mountPlace, bool) {
	if mount.Type != "bind" || !strings.HasPrefix(mount.Source, s.state.dir+"/") {
		return mountPlace{}, false
	}
	if folder, number, below, ok := inSnapshot(mount.Source); ok && below == "" {
		return mountPlace{snapshot: number, dir: folder, kept: folder}, true
	}
	return s.placeOfPart(mount.Source)
}

// placeOfPart returns the place of a snapshot, or a part of one, that BuildKit mounted in its own mount namespace. It does
// so for cache mounts with uid=, gid=, mode=, from= or source=.
func (s *mountServer) placeOfPart(source string) (mountPlace, bool) {
	process := fmt.Sprintf("/proc/%d", s.daemon)
	mounted, err := os.Open(process + "/mountinfo")
	if err != nil {
		return mountPlace{}, false
	}
	defer mounted.Close()
	found, err := mountinfo.GetMountsFromReader(mounted, mountinfo.SingleEntryFilter(source))
	if err != nil || len(found) == 0 {
		return mountPlace{}, false
	}
	mount := found[0]
	place := mountPlace{dir: process + "/root" + source}
	if _, number, below, ok := inSnapshot(mount.Root); ok {
		// The root is relative to the file system, but its end is known.
		place.snapshot, place.below = number, below
		place.kept = filepath.Join(s.state.path("root"), "runc-"+s.state.snapshotter, "snapshots", "snapshots", number)
		if s.state.snapshotter != "native" {
			place.kept = filepath.Join(place.kept, "fs")
		}
	} else if mount.FSType == "overlay" {
		for option := range strings.SplitSeq(mount.VFSOptions, ",") {
			if upper, ok := strings.CutPrefix(option, "upperdir="); ok {
				place.kept, place.snapshot, _, _ = inSnapshot(upper)
			}
		}
		place.below = strings.TrimPrefix(mount.Root, "/")
	}
	switch place.below {
	case ownBase:
	case "":
		place.unkept = unkeptFrom
	default:
		place.unkept = unkeptSource
	}
	return place, place.snapshot != ""
}
