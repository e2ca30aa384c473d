package builder

import (
	"context"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// startServer uses the BuildKit of a docker server. It returns nil if there is no docker server.
//
// A docker server is a docker daemon on another machine whose state outlives the build: CodeBuild's docker
// server for a project, or one of the user. AWS documents that plain `docker` and `docker buildx build` calls
// reach CodeBuild's over the network (its security group must allow port 9876), but not how they are
// configured. So this function checks everything that can configure them: DOCKER_HOST, the docker context,
// and the current buildx instance. A daemon on loopback belongs to this machine, as in the command that AWS
// documents for privileged builds.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker-server.html
func startServer(ctx context.Context, options Options) (*Builder, error) {
	if len(options.PlainHTTP) > 0 {
		return nil, nil // Only a builder that layercache configures can use them.
	}
	docker, err := dockerconfig.CurrentContext(dockerconfig.UserDir())
	if err != nil {
		return nil, err
	}
	if instance, ok := buildx.Current(docker); ok && isServer(instance) {
		return &Builder{
			Kind: instance.Driver, Name: instance.Name, ExportsCache: true, Shared: true,
			note: "the current buildx instance, " + instance.Name + ", keeps its cache between builds",
		}, nil
	}
	if !docker.Remote() {
		return nil, nil
	}
	b, err := startDocker(ctx, options)
	if err != nil {
		return nil, err
	}
	b.note = "the docker server at " + docker.Host + " keeps its cache between builds"
	if !b.ExportsCache {
		b.note += "; it cannot export a registry cache, so the build uses the cache on that server"
	}
	return b, nil
}

// isServer reports whether the instance runs outside of this machine's docker daemon.
func isServer(instance buildx.Instance) bool {
	if instance.Driver != "docker-container" {
		return true
	}
	if dockerconfig.IsRemote(instance.Endpoint) {
		return true
	}
	docker, err := dockerconfig.ContextNamed(dockerconfig.UserDir(), instance.Endpoint)
	return err == nil && docker.Remote()
}
