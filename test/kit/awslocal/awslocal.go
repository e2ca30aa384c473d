// Package awslocal starts a local AWS on this machine: moto's server, which supports several accounts, behind
// a proxy that stores what moto's CodeBuild loses. Deploy into it as into AWS. The CodeBuild projects that
// moto's CloudFormation ignores can be created through its CodeBuild API.
//
// Resources with the policy RetainExceptOnCreate, which moto does not know, are kept when a stack is deleted. moto
// checks no permissions and runs no builds: it returns every build as succeeded.
package awslocal

import (
	"bufio"
	"context"
	_ "embed"
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

// Server is a running local AWS.
type Server struct {
	// Endpoint is its address for all services, http://localhost:PORT. The CDK finds its buckets only under
	// the name localhost.
	Endpoint string

	moto  *exec.Cmd
	front *http.Server
	kept  kept
	// home is the HOME of programs that call it. Close removes it.
	home string
}

// motoServer is the program of moto's server.
//
//go:embed motoserver.py
var motoServer string

// runningOn matches the line that moto_server prints when it is ready.
var runningOn = regexp.MustCompile(`Running on http://[^:]+:(\d+)`)

// Start starts an empty local AWS. It runs until Close, or until ctx ends.
func Start(ctx context.Context) (*Server, error) {
	home, err := os.MkdirTemp("", "layercache-awslocal-")
	if err != nil {
		return nil, fmt.Errorf("awslocal: %w", err)
	}
	s := &Server{moto: exec.CommandContext(ctx, "python3", "-c", motoServer, "-p", "0"), home: home}
	stderr, err := s.moto.StderrPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("awslocal: %w", err), os.RemoveAll(home))
	}
	if err := s.moto.Start(); err != nil {
		_ = os.RemoveAll(home)
		return nil, fmt.Errorf("awslocal: start moto's server: %w (`make test` installs it from test/requirements.txt)", err)
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

// awaitPort reads moto's output until it prints its port.
func (s *Server) awaitPort(stderr io.Reader) (string, error) {
	lines, output := bufio.NewScanner(stderr), ""
	for lines.Scan() {
		if match := runningOn.FindStringSubmatch(lines.Text()); match != nil {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return match[1], nil
		}
		output += lines.Text() + "\n"
	}
	return "", fmt.Errorf("awslocal: moto_server ended before it was ready; output: %s", output)
}

// serveFront starts the proxy to the moto server at an address on a free port.
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

// Close stops the server and deletes its content.
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

// Config returns the SDK's configuration for an administrator of the account. Every account exists.
func (s *Server) Config(ctx context.Context, account, region string) (aws.Config, error) {
	return s.Assume(ctx, "arn:aws:iam::"+account+":role/Administrator", region)
}

// Assume returns the SDK's configuration for a session of a role. moto lets everyone assume every role.
func (s *Server) Assume(ctx context.Context, role, region string) (aws.Config, error) {
	config := aws.Config{Region: region, BaseEndpoint: &s.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
	out, err := sts.NewFromConfig(config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("awslocal")})
	if err != nil {
		return aws.Config{}, fmt.Errorf("awslocal: assume %s: %w", role, err)
	}
	got := out.Credentials
	config.Credentials = credentials.NewStaticCredentialsProvider(*got.AccessKeyId, *got.SecretAccessKey, *got.SessionToken)
	return config, nil
}

// Environ returns the environment, NAME=VALUE, for programs that use this AWS as an administrator of the
// account: the AWS variables, PATH, and a HOME without a profile.
func (s *Server) Environ(ctx context.Context, account, region string) ([]string, error) {
	config, err := s.Config(ctx, account, region)
	if err != nil {
		return nil, err
	}
	return s.EnvironOf(ctx, config)
}

// EnvironOf returns the environment for programs that use this AWS with the credentials of config.
func (s *Server) EnvironOf(ctx context.Context, config aws.Config) ([]string, error) {
	keys, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("awslocal: %w", err)
	}
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + s.Endpoint, "AWS_REGION=" + config.Region,
		"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_SESSION_TOKEN=" + keys.SessionToken,
	}, nil
}
