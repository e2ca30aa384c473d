// Command app is the CDK app. The CDK CLI runs it to turn the "layercache" context of cdk.json into stacks.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/stacks"
)

func main() {
	if os.Getenv(templateCheck) == "" {
		os.Exit(withoutTemplateCheck())
	}
	stderr := os.Stderr
	err := synth(stderr, nil)
	closeQuietly()
	if err != nil {
		fmt.Fprintln(stderr, err)
		os.Exit(1)
	}
}

// templateCheck is the variable by which the CDK's own check of the finished templates is turned off.
const templateCheck = "CDK_VALIDATION"

// withoutTemplateCheck runs this program again with the check turned off and returns its exit code. The check
// takes some 8 seconds of every synth, diff and deploy; test/templates runs it, with cfn-lint, on this
// project's examples, and CDK_VALIDATION=true runs it here. The CDK reads the variable in a process that gets
// the environment this one began with.
func withoutTemplateCheck() int {
	executable, err := os.Executable()
	if err == nil {
		again := exec.Command(executable, os.Args[1:]...)
		again.Env = append(os.Environ(), templateCheck+"=false")
		again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
		err = again.Run()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintf(os.Stderr, "layercache: cannot run the CDK app again: %v; set %s=false or true\n", err, templateCheck)
	}
	if err != nil {
		return 1
	}
	return 0
}

// closeQuietly ends the CDK's JavaScript process and removes its files. jsii waits for that process in two
// places, and the second one wrongly prints to os.Stderr that it "exited abnormally".
func closeQuietly() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	jsii.Close()
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
	config, problems := stacks.ReadConfig(app.Node().TryGetContext(jsii.String(stacks.ContextKey)))
	if len(problems) > 0 {
		for _, p := range problems {
			fmt.Fprintln(stderr, p)
		}
		return fmt.Errorf("layercache: nothing was synthesized; number of problems in the context of cdk.json: %d", len(problems))
	}
	config.AddTo(app)
	app.Synth(nil)
	return nil
}

// message returns the message of a CDK exception without its JavaScript stack trace.
func message(thrown any) string {
	text, _, _ := strings.Cut(fmt.Sprint(thrown), "\n    at ")
	return strings.TrimSpace(text)
}
