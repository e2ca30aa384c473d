package bundle

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// functionArch is the architecture of the function of DeployFunction.
const functionArch = "arm64"

// FunctionTags are the build tags of the function. They omit the old runtime's protocol.
const FunctionTags = "lambda.norpc"

// DeployFunction returns the path of the zip with the AWS Lambda function that starts builds when a stack is
// deployed. It is compiled as Build compiles the helper. Progress lines go to progress.
func DeployFunction(ctx context.Context, progress io.Writer) (string, error) {
	path, err := deployFunction(ctx, progress)
	if err != nil {
		return "", fmt.Errorf("deploy function: %w", err)
	}
	return path, nil
}

func deployFunction(ctx context.Context, progress io.Writer) (string, error) {
	building.Lock()
	defer building.Unlock()

	source, err := SourceDir(ctx)
	if err != nil {
		return "", err
	}
	cache, err := toolchain.CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "bundle", "function")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// A new folder, because another process may compile another version at the same time.
	scratch, err := os.MkdirTemp(dir, ".function-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	// The runtime provided.al2023 starts the program bootstrap.
	program := filepath.Join(scratch, "bootstrap")
	err = toolchain.Compile(ctx, toolchain.Compilation{
		Dir: source, Package: "./bin/deploy-function", LinkFlags: "-s -w", Tags: FunctionTags,
		Platform: toolchain.Platform{OS: "linux", Arch: functionArch}, Output: program, Label: "the function that starts builds",
	}, progress)
	if err != nil {
		return "", err
	}
	digest, err := digestOf([]string{program})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "deploy-function-"+digest+".zip")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, write(path, []string{program})
}
