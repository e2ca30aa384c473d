package run

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// appName returns the setting. The default is the last part of the first image's name, then the working
// directory's name.
func appName(setting string, images []string, dir string) string {
	if setting != "" {
		return setting
	}
	for _, image := range images {
		if parsed, err := name.ParseReference(image); err == nil {
			parts := strings.Split(parsed.Context().RepositoryStr(), "/")
			return parts[len(parts)-1]
		}
	}
	if dir == "" {
		dir, _ = os.Getwd()
	}
	return filepath.Base(dir)
}

// platformName returns the platforms of the build, sorted. The default is DOCKER_DEFAULT_PLATFORM, as for
// buildx, then Linux on this machine's architecture, which is the builder's platform.
func platformName(platforms []string, lookup func(string) (string, bool)) string {
	if standard, _ := lookup("DOCKER_DEFAULT_PLATFORM"); len(platforms) == 0 && standard != "" {
		return standard
	}
	if len(platforms) == 0 {
		return "linux/" + runtime.GOARCH
	}
	return strings.Join(slices.Sorted(slices.Values(platforms)), ",")
}
