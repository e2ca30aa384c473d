package run

import (
	"context"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/source/git"
)

// The labels that buildx gives an image.
const (
	revisionLabel = "org.opencontainers.image.revision"
	sourceLabel   = "org.opencontainers.image.source"
	// entrypointLabel is the Dockerfile's path in the repository.
	entrypointLabel = "com.docker.image.source.entrypoint"
)

// commitID matches a commit by SHA-1 or SHA-256. CodeBuild's source version is not a commit for a source in
// S3.
var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// scpAddress matches an address of the form USER@HOST:PATH.
var scpAddress = regexp.MustCompile(`^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:`)

// sourceLabels returns the labels for BUILDX_GIT_LABELS. buildx would run git in the build context for them.
// layercache uses CodeBuild's variables, and git only if they are not set.
//
// https://docs.docker.com/build/building/variables/#buildx_git_labels
func sourceLabels(ctx context.Context, request Request, args buildx.Args, w *warnings) []string {
	if info, _ := request.LookupEnv("BUILDX_GIT_INFO"); info != "" {
		if wanted, err := strconv.ParseBool(info); err == nil && wanted {
			w.warn("BUILDX_GIT_INFO is ignored, because buildx would run git with the configuration of the source; " +
				"BUILDX_GIT_LABELS=true adds the commit and the repository to the image's labels")
		}
	}
	value, _ := request.LookupEnv("BUILDX_GIT_LABELS")
	if wanted, err := strconv.ParseBool(value); value != "full" && (err != nil || !wanted) {
		return nil
	}
	lookup := func(variable string) string {
		value, _ := request.LookupEnv(variable)
		return value
	}
	var labels []string
	label := func(name, value string) {
		if value != "" {
			labels = append(labels, name+"="+value)
		}
	}
	commit := lookup("CODEBUILD_RESOLVED_SOURCE_VERSION")
	if !commitID.MatchString(commit) {
		commit = git.Commit(ctx, request.Dir)
	}
	repository := repositoryFrom(lookup("CODEBUILD_SOURCE_REPO_URL"))
	if repository == "" {
		repository = repositoryFrom(git.Origin(ctx, request.Dir))
	}
	root := lookup("CODEBUILD_SRC_DIR")
	if root == "" {
		root = git.Root(ctx, request.Dir)
	}
	label(revisionLabel, commit)
	label(sourceLabel, repository)
	label(entrypointLabel, dockerfileIn(root, request.Dir, args))
	return labels
}

// repositoryFrom returns the address of a repository without credentials, or "" if it is not such an address.
func repositoryFrom(address string) string {
	if scpAddress.MatchString(address) {
		return address
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme == "s3" {
		return ""
	}
	parsed.User = nil
	return parsed.String()
}

// dockerfileIn returns the Dockerfile's path relative to root, or "" if it is not in root.
func dockerfileIn(root, dir string, args buildx.Args) string {
	if root == "" {
		return ""
	}
	dockerfile, err := filepath.Abs(dockerfilePath(dir, args))
	if err != nil {
		return ""
	}
	relative, err := filepath.Rel(root, dockerfile)
	if err != nil || !filepath.IsLocal(relative) {
		return ""
	}
	return filepath.ToSlash(relative)
}
