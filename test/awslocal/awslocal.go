// Package awslocal starts an AWS of its own on this machine: moto's server, which keeps several accounts apart, behind a front that
// keeps what moto's CodeBuild forgets. Deployments go into it as into AWS, and the CodeBuild projects that moto's CloudFormation passes over are
// created through its CodeBuild API.
//
// moto checks no permission, runs no build, and answers each build as succeeded.
package awslocal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Server is a running AWS.
type Server struct {
	// Endpoint is its address for all services, http://localhost:PORT. The CDK finds its buckets under the name localhost alone.
	Endpoint string

	moto  *exec.Cmd
	front *http.Server
	kept  kept
	// home is the home of those who call it, removed with it.
	home string
}

// runningOn is what moto_server says when it is ready.
var runningOn = regexp.MustCompile(`Running on http://[^:]+:(\d+)`)

// Start starts an AWS without anything in it. It lives until Close, or until ctx ends.
func Start(ctx context.Context) (*Server, error) {
	home, err := os.MkdirTemp("", "layercache-awslocal-")
	if err != nil {
		return nil, fmt.Errorf("awslocal: %w", err)
	}
	s := &Server{moto: exec.CommandContext(ctx, "moto_server", "-p", "0"), home: home}
	stderr, err := s.moto.StderrPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("awslocal: %w", err), os.RemoveAll(home))
	}
	if err := s.moto.Start(); err != nil {
		_ = os.RemoveAll(home)
		return nil, fmt.Errorf("awslocal: moto_server cannot be started: %w; `make test` installs it from test/requirements.txt", err)
	}
	port, err := s.awaitPort(stderr)
	if err == nil {
		err = s.serveFront("127.0.0.1:" + port)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// awaitPort reads what moto says until it names its port.
func (s *Server) awaitPort(stderr io.Reader) (string, error) {
	lines, said := bufio.NewScanner(stderr), ""
	for lines.Scan() {
		if match := runningOn.FindStringSubmatch(lines.Text()); match != nil {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return match[1], nil
		}
		said += lines.Text() + "\n"
	}
	return "", fmt.Errorf("awslocal: moto_server ended before it was ready; it said: %s", said)
}

// serveFront listens on a free port for calls to the moto at an address.
func (s *Server) serveFront(moto string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("awslocal: %w", err)
	}
	s.Endpoint = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	s.front = &http.Server{Handler: s.kept.proxy(&url.URL{Scheme: "http", Host: moto})}
	go func() { _ = s.front.Serve(listener) }()
	return nil
}

// Close stops it; what was in it is gone.
func (s *Server) Close() error {
	if s.front != nil {
		_ = s.front.Close()
	}
	_ = s.moto.Process.Kill()
	var exit *exec.ExitError
	if err := s.moto.Wait(); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("awslocal: %w", err)
	}
	return os.RemoveAll(s.home)
}

// Config is the SDK's configuration of an administrator of the account. Every account exists.
func (s *Server) Config(ctx context.Context, account, region string) (aws.Config, error) {
	return s.Assume(ctx, "arn:aws:iam::"+account+":role/Administrator", region)
}

// Assume is the SDK's configuration of a session of a role. moto lets everyone assume every role.
func (s *Server) Assume(ctx context.Context, role, region string) (aws.Config, error) {
	anyone := aws.Config{Region: region, BaseEndpoint: &s.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
	out, err := sts.NewFromConfig(anyone).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("awslocal")})
	if err != nil {
		return aws.Config{}, fmt.Errorf("awslocal: a session of %s: %w", role, err)
	}
	got := out.Credentials
	anyone.Credentials = credentials.NewStaticCredentialsProvider(*got.AccessKeyId, *got.SecretAccessKey, *got.SessionToken)
	return anyone, nil
}

// Environ is the environment, NAME=VALUE, in which programs find this AWS as an administrator of the account: the AWS variables, PATH,
// and a HOME without a profile.
func (s *Server) Environ(ctx context.Context, account, region string) ([]string, error) {
	config, err := s.Config(ctx, account, region)
	if err != nil {
		return nil, err
	}
	return s.EnvironOf(ctx, config)
}

// EnvironOf is the environment of whom the configuration is for.
func (s *Server) EnvironOf(ctx context.Context, config aws.Config) ([]string, error) {
	who, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("awslocal: %w", err)
	}
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + s.Endpoint, "AWS_REGION=" + config.Region,
		"AWS_ACCESS_KEY_ID=" + who.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + who.SecretAccessKey, "AWS_SESSION_TOKEN=" + who.SessionToken,
	}, nil
}
