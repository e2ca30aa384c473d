package awslocal

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// CDK runs the CDK's command line for one user of a Server.
type CDK struct {
	environ  []string
	program  string
	assembly string
}

// CDK returns the CDK's command line for a synthesized app, with the credentials of config. assembly is the
// folder of the cloud assembly, root the folder with this project's node_modules.
func (s *Server) CDK(ctx context.Context, config aws.Config, root, assembly string) (*CDK, error) {
	environ, err := s.EnvironOf(ctx, config)
	if err != nil {
		return nil, err
	}
	environ = append(environ, "CI=true", "NODE_NO_WARNINGS=1", "CDK_DISABLE_CLI_TELEMETRY=true")
	return &CDK{environ: environ, program: filepath.Join(root, "node_modules", ".bin", "cdk"), assembly: assembly}, nil
}

// Run runs `cdk COMMAND ARGS…` on the app, and returns its output.
func (c *CDK) Run(ctx context.Context, command string, args ...string) (string, error) {
	all := append([]string{command, "--app", c.assembly, "--no-notices", "--no-color"}, args...)
	cmd := exec.CommandContext(ctx, c.program, all...)
	cmd.Env, cmd.Dir = c.environ, filepath.Dir(c.assembly)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("awslocal: cdk %s: %w; output:\n%s", command, err, output)
	}
	return string(output), nil
}

// Bootstrap runs `cdk bootstrap`. The trusted accounts may deploy into the account.
func (c *CDK) Bootstrap(ctx context.Context, account, region string, trusted ...string) error {
	args := []string{"aws://" + account + "/" + region}
	for _, other := range trusted {
		args = append(args, "--trust", other, "--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess")
	}
	_, err := c.Run(ctx, "bootstrap", args...)
	return err
}

// Deploy runs `cdk deploy --all` without change sets, because these give moto's stacks no outputs.
func (c *CDK) Deploy(ctx context.Context) (string, error) {
	return c.Run(ctx, "deploy", "--all", "--require-approval", "never", "--method", "direct")
}

// Update deploys the changes. It passes all parameters again, because moto loses parameters with default
// values.
func (c *CDK) Update(ctx context.Context) (string, error) {
	return c.Run(ctx, "deploy", "--all", "--require-approval", "never", "--method", "direct", "--no-previous-parameters")
}

// Diff runs `cdk diff` without change sets, because moto never completes the change set of a diff.
func (c *CDK) Diff(ctx context.Context) (string, error) {
	return c.Run(ctx, "diff", "--method", "template")
}

// Destroy runs `cdk destroy --all`.
func (c *CDK) Destroy(ctx context.Context) (string, error) {
	return c.Run(ctx, "destroy", "--all", "--force")
}
