package builder

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// daemonVariables are the variables of this process that are passed to buildkitd: how it reaches registries,
// and how much of a step's output it keeps. It needs no others, and a frontend cannot make it use what it
// does not have.
var daemonVariables = []string{
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"BUILDKIT_STEP_LOG_MAX_SIZE", "BUILDKIT_STEP_LOG_MAX_SPEED",
}

// daemonEnvironment returns the environment of a buildkitd with its own home and temporary folder. With s3 it
// includes the AWS configuration of this process, for the bucket of the cache. Without s3 buildkitd gets no
// AWS credentials, not even from the instance metadata, because a frontend (`# syntax=`) can make it read a
// cache from an S3 bucket at any address.
func daemonEnvironment(environ []string, path, home, temp, notify string, s3 bool) []string {
	env := []string{
		"PATH=" + path, "HOME=" + home, "TMPDIR=" + temp, "NOTIFY_SOCKET=" + notify,
		"CONTAINERD_DISABLE_PIGZ=true", // It is slower than buildkitd itself with package readahead.
	}
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains(daemonVariables, name) || s3 && strings.HasPrefix(name, "AWS_") {
			env = append(env, variable)
		}
	}
	if !s3 {
		return append(env, "AWS_EC2_METADATA_DISABLED=true")
	}
	return append(env, awsFiles(env)...)
}

// awsFiles returns the variables for the files of the AWS configuration, because the SDK would look for them
// in buildkitd's own home.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html
func awsFiles(env []string) []string {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	var files []string
	for variable, name := range map[string]string{"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"} {
		if !slices.ContainsFunc(env, func(each string) bool { return strings.HasPrefix(each, variable+"=") }) {
			files = append(files, variable+"="+filepath.Join(home, ".aws", name))
		}
	}
	return files
}
