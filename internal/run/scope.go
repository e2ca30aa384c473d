package run

import (
	"cmp"
	"context"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/source"
)

// scopeOf returns the scope of the build's cache.
func scopeOf(ctx context.Context, request Request, args buildx.Args) cache.Scope {
	w := writerOf(request, args)
	scope := cache.Scope{
		App: request.Settings.App, Platform: platformName(args.Platforms, request.LookupEnv),
		Branch: source.Branch(ctx, request.Settings.Branch, request.LookupEnv, request.Dir),
	}
	if scope.App == "" {
		scope.App, scope.Build = appName(request, w), buildName(request, w)
	}
	if request.Settings.Branch == "" && source.IsTag(request.LookupEnv) {
		// A tag may be old, so it does not replace the fallback branch's cache, which fits it best as a rule.
		scope.Branch, scope.FallbackFirst = source.TagScope, true
	}
	return scope
}

// appName returns the app of a build for which the user set none: the last part of the image's name. A build
// without an image is known by its source: in CodeBuild by the repository or the project, because all
// checkouts have the same folder's name there, and elsewhere by the name of the checkout's folder.
func appName(request Request, w cache.Writer) string {
	if image := w.Repository(); image != "" {
		return path.Base(image)
	}
	if w.Source != "" {
		return path.Base(w.Source)
	}
	return filepath.Base(checkoutRoot(request))
}

// buildName tells the builds of an app apart: what is not as usual of the image's full name, the context, the
// Dockerfile and the target.
func buildName(request Request, w cache.Writer) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, namePart(name, value))
		}
	}
	image := w.Repository()
	if strings.Contains(image, "/") {
		add("image", image)
	}
	if image == "" && strings.Contains(w.Source, "/") {
		add("source", w.Source)
	}
	add("context", w.Context)
	if w.Dockerfile != path.Join(w.Context, "Dockerfile") {
		add("file", w.Dockerfile)
	}
	add("target", w.Target)
	return strings.Join(parts, ",")
}

// partEscapes keeps a comma in a value from looking like the start of the next part.
var partEscapes = strings.NewReplacer(`\`, `\\`, ",", `\,`)

// namePart returns a part of the name of a build. The parts are joined with commas.
func namePart(name, value string) string { return name + "=" + partEscapes.Replace(value) }

// writerOf returns what is built. Paths are relative to the root of the checkout, so that they are the same
// whatever the working directory is. Paths that differ from build to build are left out, so that a build finds
// its cache again.
func writerOf(request Request, args buildx.Args) cache.Writer {
	w := cache.Writer{Images: imageNames(args.Images()), Target: args.Target, Source: sourceName(request)}
	root, context := checkoutRoot(request), remoteContext(args.Context)
	if _, local := localContext(request, args); local {
		context = inCheckout(root, within(request.Dir, args.Context))
	}
	usual := path.Join(context, "Dockerfile")
	dockerfile := usual
	switch {
	case args.Dockerfile == "-" || strings.Contains(args.Dockerfile, "://"):
		dockerfile = ""
	case args.Dockerfile != "":
		dockerfile = inCheckout(root, within(request.Dir, args.Dockerfile))
	}
	if path.Base(dockerfile) == "dockerfile" {
		dockerfile = path.Join(path.Dir(dockerfile), "Dockerfile")
	}
	if isStable(context) {
		w.Context = context
	}
	switch {
	case dockerfile == usual:
		w.Dockerfile = path.Join(w.Context, "Dockerfile")
	case isStable(dockerfile):
		w.Dockerfile = dockerfile
	}
	return w
}

// imageNames returns the images' names, REPOSITORY:TAG, without the registry's host: an image that is pushed
// to two registries is one image.
func imageNames(images []string) []string {
	var names []string
	for _, image := range images {
		if parsed, err := name.ParseReference(image); err == nil {
			repository := parsed.Context().RepositoryStr()
			if parsed.Context().RegistryStr() == name.DefaultRegistry {
				repository = strings.TrimPrefix(repository, "library/")
			}
			names = append(names, repository+":"+parsed.Identifier())
		}
	}
	return names
}

// sourceName returns the repository that CodeBuild builds, OWNER/NAME, or the project's name if the source is
// not a Git repository. Outside of CodeBuild it is empty.
func sourceName(request Request) string {
	address, _ := request.LookupEnv("CODEBUILD_SOURCE_REPO_URL")
	if parsed, err := url.Parse(repositoryFrom(address)); err == nil && parsed.Host != "" {
		return strings.TrimSuffix(strings.Trim(parsed.Path, "/"), ".git")
	}
	id, _ := request.LookupEnv("CODEBUILD_BUILD_ID")
	project, _, _ := strings.Cut(id, ":")
	return project
}

// checkoutRoot returns the root of the checkout that contains the working directory: CodeBuild's source
// folder, else the nearest folder with a .git, else the working directory.
func checkoutRoot(request Request) string {
	dir, err := filepath.Abs(cmp.Or(request.Dir, "."))
	if err != nil {
		return request.Dir
	}
	if root, _ := request.LookupEnv("CODEBUILD_SRC_DIR"); root != "" && inCheckout(root, dir) != dir {
		return root
	}
	for parent := dir; ; parent = filepath.Dir(parent) {
		if _, err := os.Lstat(filepath.Join(parent, ".git")); err == nil {
			return parent
		}
		if parent == filepath.Dir(parent) {
			return dir
		}
	}
}

// inCheckout returns the path relative to root, empty for root itself, or the absolute path if it is outside.
func inCheckout(root, file string) string {
	resolved := file
	for _, path := range []*string{&root, &resolved} {
		if absolute, err := filepath.Abs(*path); err == nil {
			*path = absolute
		}
		if real, err := filepath.EvalSymlinks(*path); err == nil {
			*path = real
		}
	}
	relative, err := filepath.Rel(root, resolved)
	switch {
	case err != nil || !filepath.IsLocal(relative):
		return file
	case relative == ".":
		return ""
	}
	return filepath.ToSlash(relative)
}

// gitContext matches the address of a Git repository: the repository and, after the ref, a folder in it.
var gitContext = regexp.MustCompile(`^(?:https?://|ssh://|git://|git@)(?:[^@/]*@)?([^#?]+?)(?:\.git)?(?:#[^:]*(?::(.*))?)?$`)

// remoteContext returns the repository and the folder in it of a context in Git, without the ref and without
// credentials; empty for any other context.
func remoteContext(context string) string {
	match := gitContext.FindStringSubmatch(context)
	if match == nil || !strings.Contains(context, ".git") && !strings.Contains(context, "#") {
		return ""
	}
	return strings.TrimSuffix(path.Join(match[1], match[2]), "/")
}

// isStable reports whether a path is likely the same in the next build: it is in the checkout, and no part of
// it is a temporary folder or contains a hash or a long number.
func isStable(file string) bool {
	if filepath.IsAbs(file) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(file, "/"), func(part string) bool {
		return strings.HasPrefix(part, "tmp") && len(part) > len("tmp") || longNumber.MatchString(part)
	})
}

// longNumber matches a hash, the number of a process, or a time.
var longNumber = regexp.MustCompile(`(?i)(?:^|[^0-9a-z])(?:[0-9]{5,}|[0-9a-f]*[0-9][0-9a-f]{7,}|[0-9a-f]{7,}[0-9][0-9a-f]*)(?:$|[^0-9a-z])`)

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
