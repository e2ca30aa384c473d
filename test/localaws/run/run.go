//go:build linux

package run

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/localaws/agent"
)

// Config configures a CodeBuild.
type Config struct {
	// AWS starts the builds and has the resources that they need.
	AWS *awslocal.Server
	// Registry has the registries. It must be started with Identify of the same AWS.
	Registry *ecrhost.Server
	// Dir is the parent of the builds' directories. The caller removes it.
	Dir string
	// Env is the environment of the build image, NAME=VALUE: PATH, with a buildx on it, and HOME.
	Env []string
	// Ended is called at the end of each build, as EventBridge passes it on. It may be nil.
	Ended func(Event)
}

// Event is the end of a build.
type Event struct {
	// Build is the ARN of the build.
	Build, Project, Status string
}

// CodeBuild is a running simulation of CodeBuild.
type CodeBuild struct {
	// Endpoint is the address of this CodeBuild and of all other services, http://localhost:PORT.
	Endpoint string

	config      Config
	server      *http.Server
	credentials *credentials
	stop        context.CancelFunc
	running     sync.WaitGroup

	mutex  sync.Mutex
	builds map[string]*build
	// batches are the batches by id.
	batches map[string]*batch
	// last is the id of the build that was started last.
	last string
	// numbers holds the number of builds of each project.
	numbers map[string]int
}

// Start starts a CodeBuild. Its builds are stopped by Close or when ctx ends.
func Start(ctx context.Context, config Config) (*CodeBuild, error) {
	moto, err := url.Parse(config.AWS.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	c := &CodeBuild{
		Endpoint: fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port), config: config,
		credentials: newCredentials(), builds: map[string]*build{}, batches: map[string]*batch{}, numbers: map[string]int{},
	}
	ctx, c.stop = context.WithCancel(ctx)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(moto)
		r.Out.Host = r.In.Host
	}}
	c.server = &http.Server{Handler: c.api(ctx, pass), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

// Close stops the running builds, and then the API.
func (c *CodeBuild) Close() error {
	c.stop()
	c.running.Wait()
	c.credentials.Close()
	if err := c.server.Close(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// Last returns the id of the build that was started last.
func (c *CodeBuild) Last() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.last
}

// Wait waits for the end of a build and returns its result. An error means that the build could not run.
func (c *CodeBuild) Wait(ctx context.Context, id string) (*agent.Result, error) {
	c.mutex.Lock()
	b, ok := c.builds[id]
	c.mutex.Unlock()
	if !ok {
		return nil, fmt.Errorf("run: no build %s was started through %s", id, c.Endpoint)
	}
	select {
	case <-b.done:
		return b.result, b.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
