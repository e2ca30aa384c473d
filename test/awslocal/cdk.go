package awslocal

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// CDK is the CDK's command line for one user of a Server.
type CDK struct {
	environ  []string
	program  string
	assembly string
}

// CDK is the command line of whom the configuration is for, on a synthesized app: the cloud assembly in a folder. root is the folder with
// this project's node_modules.
func (s *Server) CDK(ctx context.Context, config aws.Config, root, assembly string) (*CDK, error) {
	environ, err := s.EnvironOf(ctx, config)
	if err != nil {
		return nil, err
	}
	environ = append(environ, "CI=true", "NODE_NO_WARNINGS=1", "CDK_DISABLE_CLI_TELEMETRY=true")
	return &CDK{environ: environ, program: filepath.Join(root, "node_modules", ".bin", "cdk"), assembly: assembly}, nil
}

// Run runs `cdk COMMAND ARGS…` on the app, and returns what it writes.
func (c *CDK) Run(ctx context.Context, command string, args ...string) (string, error) {
	all := append([]string{command, "--app", c.assembly, "--no-notices", "--no-color"}, args...)
	cmd := exec.CommandContext(ctx, c.program, all...)
	cmd.Env, cmd.Dir = c.environ, filepath.Dir(c.assembly)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("awslocal: cdk %s: %w; it said:\n%s", command, err, output)
	}
	return string(output), nil
}

// Bootstrap runs `cdk bootstrap`. With trusted accounts, these may deploy into the account.
func (c *CDK) Bootstrap(ctx context.Context, account, region string, trusted ...string) error {
	args := []string{"aws://" + account + "/" + region}
	for _, other := range trusted {
		args = append(args, "--trust", other, "--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess")
	}
	_, err := c.Run(ctx, "bootstrap", args...)
	return err
}

// Deploy runs `cdk deploy --all`, without the change sets, by which moto's stacks get no outputs.
func (c *CDK) Deploy(ctx context.Context) (string, error) {
	return c.Run(ctx, "deploy", "--all", "--require-approval", "never", "--method", "direct")
}

// Update deploys what has changed. It gives parameters anew, because moto loses those that have their default.
func (c *CDK) Update(ctx context.Context) (string, error) {
	return c.Run(ctx, "deploy", "--all", "--require-approval", "never", "--method", "direct", "--no-previous-parameters")
}

// Diff runs `cdk diff`, by templates alone: moto never completes the change set of a diff.
func (c *CDK) Diff(ctx context.Context) (string, error) {
	return c.Run(ctx, "diff", "--method", "template")
}

// Destroy runs `cdk destroy --all`.
func (c *CDK) Destroy(ctx context.Context) (string, error) {
	return c.Run(ctx, "destroy", "--all", "--force")
}
