// Command newest prints the newest version of each CDK module that can be downloaded, one MODULE@VERSION per
// line, for the consumer test. It warns on standard error where that is not the newest published version.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// modules are the modules of the CDK that the constructs import.
var modules = []string{
	"github.com/aws/aws-cdk-go/awscdk/v2",
	"github.com/aws/constructs-go/constructs/v10",
	"github.com/aws/jsii-runtime-go",
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	// The go command runs outside any module, because a go.mod would influence the versions.
	dir, err := os.MkdirTemp("", "newest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, module := range modules {
		version, warnings, err := newest(ctx, dir, module)
		for _, warning := range warnings {
			fmt.Fprintf(os.Stderr, "newest CDK: %s: %v\n", module, warning)
		}
		if err != nil {
			return fmt.Errorf("newest CDK: %s: %w", module, err)
		}
		fmt.Printf("%s@%s\n", module, version)
	}
	return nil
}

// newest returns the newest release of a module that can be downloaded, with a warning for each newer one
// that cannot. Without a module proxy it chooses among the releases in the module cache.
func newest(ctx context.Context, dir, module string) (version string, warnings []error, err error) {
	versions, err := published(ctx, dir, module)
	if err != nil {
		warnings = append(warnings, fmt.Errorf("cannot find the newest release, using the module cache instead: %w", err))
	}
	kept, err := cached(ctx, dir, module)
	if err != nil {
		return "", warnings, err
	}
	versions = slices.DeleteFunc(append(versions, kept...), func(v string) bool {
		return !semver.IsValid(v) || semver.Prerelease(v) != ""
	})
	semver.Sort(versions)
	versions = slices.Compact(versions)
	for _, v := range slices.Backward(versions) {
		_, err := goCommand(ctx, dir, nil, "mod", "download", module+"@"+v)
		if err == nil {
			return v, warnings, nil
		}
		warnings = append(warnings, fmt.Errorf("%s cannot be downloaded: %w", v, err))
	}
	return "", warnings, errors.New("no release can be downloaded")
}

// published returns the versions that the module proxy lists, and its @latest, because a list may be
// incomplete.
func published(ctx context.Context, dir, module string) ([]string, error) {
	latest, err := goCommand(ctx, dir, nil, "list", "-m", "-f", "{{.Version}}", module+"@latest")
	if err != nil {
		return nil, err
	}
	listed, err := list(ctx, dir, nil, module)
	return append(listed, latest), err
}

// cached returns the versions in the module cache, whose download folder has the layout of a module proxy.
func cached(ctx context.Context, dir, module string) ([]string, error) {
	cache, err := goCommand(ctx, dir, nil, "env", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	downloads := filepath.Join(cache, "cache", "download")
	return list(ctx, dir, []string{"GOPROXY=file://" + downloads}, module)
}

func list(ctx context.Context, dir string, environment []string, module string) ([]string, error) {
	listed, err := goCommand(ctx, dir, environment, "list", "-m", "-versions", "-f", `{{join .Versions "\n"}}`, module)
	return strings.Fields(listed), err
}

// goCommand returns what the go command prints.
func goCommand(ctx context.Context, dir string, environment []string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS="), environment...)
	output, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(output)), err
}
