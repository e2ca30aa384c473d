// Command app is the CDK app. The CDK CLI runs it to turn the "layercache" context of cdk.json into stacks.
package main

import (
	"fmt"
	"io"
	"os"
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
