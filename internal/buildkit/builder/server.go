package builder

import (
	"context"

	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/registry/dockerconfig"
)

// startServer takes the BuildKit of a docker server as it is; without such a server it starts nothing.
//
// A docker server is a docker daemon on another machine, whose state outlives the build: one that CodeBuild keeps beside a
// project, or one of the user's own. AWS documents that CodeBuild's is reached over the network (its security group has to
// let port 9876 in) by plain `docker` and `docker buildx build` calls, and not how they are pointed there. So it is looked
// for in every place that points them: DOCKER_HOST, the docker context, and the buildx instance in use. A daemon on
// loopback is this machine's, as in the command that AWS documents for privileged builds.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker-server.html
func startServer(ctx context.Context, options Options) (*Builder, error) {
	if len(options.PlainHTTP) > 0 {
		return nil, nil // Only a builder of our own can be told of them.
	}
	docker, err := dockerconfig.CurrentContext(dockerconfig.UserDir())
	if err != nil {
		return nil, err
	}
	if instance, ok := buildx.Current(docker); ok && isServer(instance) {
		return &Builder{
			Kind: instance.Driver, Name: instance.Name, ExportsCache: true, Shared: true,
			reason: "the buildx instance in use, " + instance.Name + ", keeps its builder and cache between builds",
		}, nil
	}
	if !docker.Remote() {
		return nil, nil
	}
	b, err := startDocker(ctx, options)
	if err != nil {
		return nil, err
	}
	b.reason = "the docker server at " + docker.Host + " keeps its builder and cache between builds"
	if !b.ExportsCache {
		b.reason += "; its image store cannot export a registry cache, so its own is the cache"
	}
	return b, nil
}

// isServer says that the instance is not this machine's docker daemon.
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
