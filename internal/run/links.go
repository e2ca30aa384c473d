package run

import (
	"fmt"
	"os"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/source"
)

// refuseLinks returns an error if a symlink or an endless file in the source would make buildx, which runs
// outside every step, read or write files that do not belong to the source.
func refuseLinks(request Request, args buildx.Args) error {
	set := func(variable string) bool {
		_, found := request.LookupEnv(variable)
		return found
	}
	for _, path := range append(args.Paths(set), buildx.Path{Flag: "LAYERCACHE_LOCAL_DIR", Value: request.Settings.LocalDir, IsLayout: true}) {
		if leads, err := source.LeadsOut(request.Dir, path.Value); err == nil && leads {
			return fmt.Errorf("%s is %q, a symlink that leads out of the working directory: use its target instead, or remove the link", path.Flag, path.Value)
		}
		if !path.IsLayout {
			continue
		}
		if err := source.CheckLayout(request.Dir, path.Value); err != nil {
			return fmt.Errorf("%s: %w", path.Flag, err)
		}
	}
	dir := within(request.Dir, args.Context)
	if info, err := os.Stat(dir); args.Context == "" || args.Context == "-" || err != nil || !info.IsDir() {
		return nil // buildx reads no local folder.
	}
	for _, policy := range args.Policies() {
		root := dir
		if path, found := strings.CutPrefix(policy, "cwd://"); found {
			root, policy = within(request.Dir, "."), path
		}
		if err := source.CheckPolicy(root, policy); err != nil {
			return err
		}
	}
	if args.Dockerfile == "-" || strings.Contains(args.Dockerfile, "://") {
		return source.CheckRead(dir, "")
	}
	return source.CheckRead(dir, dockerfilePath(request.Dir, args))
}
