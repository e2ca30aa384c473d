// Command app is the CDK app. The CDK CLI runs it to turn the "layercache" context of cdk.json into stacks.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/internal/cdkprocess"
	"github.com/layercache/layercache/stacks"
)

func main() {
	err := cdkprocess.SkipTemplateCheck()
	if err == nil {
		err = synth(os.Stderr, nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	cdkprocess.CloseAtExit()
	if err != nil {
		os.Exit(1)
	}
}

// synth writes the cloud assembly to the folder that the CDK CLI expects. An exception of the CDK arrives as
// a panic and is returned as an error.
func synth(stderr io.Writer, props *awscdk.AppProps) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("layercache: the CDK cannot synthesize this app: %s", message(thrown))
		}
	}()
	app := awscdk.NewApp(props)
	stacks.LeaveLimitsToCheck(app)
	config, problems := stacks.ReadConfig(app.Node().TryGetContext(jsii.String(stacks.ContextKey)))
	if len(problems) > 0 {
		for _, p := range problems {
			fmt.Fprintln(stderr, p)
		}
		return fmt.Errorf("layercache: nothing was synthesized; number of problems in the context of cdk.json: %d", len(problems))
	}
	added := config.AddTo(app)
	assembly := app.Synth(nil)
	problems, err = added.CheckLimits(assembly)
	if err != nil {
		return fmt.Errorf("layercache: %w", err)
	}
	if len(problems) > 0 {
		for _, p := range problems {
			fmt.Fprintln(stderr, p)
		}
		return fmt.Errorf("layercache: number of stacks that CloudFormation would refuse: %d", len(problems))
	}
	return writeFirstDeployment(stderr, config.FirstDeployment(added), *assembly.Directory())
}

// firstDeploymentName is the name of the file with the steps of the first deployment, in the cloud assembly.
const firstDeploymentName = "first-deployment.md"

// writeFirstDeployment writes the steps into the cloud assembly. It points to the file in one line, as the app
// runs for each command of the CDK CLI, and only if there is more to do than `cdk bootstrap` and `cdk deploy`.
func writeFirstDeployment(stderr io.Writer, first stacks.FirstDeployment, assembly string) error {
	path := filepath.Join(assembly, firstDeploymentName)
	if err := os.WriteFile(path, []byte(first.Text), 0o644); err != nil {
		return fmt.Errorf("layercache: %w", err)
	}
	if first.Summary == "" {
		return nil
	}
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(relative) {
			path = relative
		}
	}
	fmt.Fprintf(stderr, "layercache: the first deployment needs you to %s: see %s\n", first.Summary, path)
	return nil
}

// message returns the message of a CDK exception without its JavaScript stack trace.
func message(thrown any) string {
	text, _, _ := strings.Cut(fmt.Sprint(thrown), "\n    at ")
	return strings.TrimSpace(text)
}
