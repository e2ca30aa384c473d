// Package cdkprocess controls the JavaScript process in which jsii runs the CDK.
package cdkprocess

import (
	"os"

	"github.com/aws/jsii-runtime-go"
)

// templateCheck is the variable that disables the CDK's own check of the finished templates if it is "false".
const templateCheck = "CDK_VALIDATION"

// SkipTemplateCheck disables the CDK's check of the finished templates, which takes some 8 seconds of every
// synth, diff and deploy. If CDK_VALIDATION is already set, that value is kept. Call it before the first use
// of the CDK.
//
// The CDK has no other switch than this environment variable of its process. jsii copies the environment when
// the CDK's packages are initialized, but starts the process only at the first call; after a Close it copies
// the environment again.
func SkipTemplateCheck() error {
	if os.Getenv(templateCheck) != "" {
		return nil
	}
	if err := os.Setenv(templateCheck, "false"); err != nil {
		return err
	}
	jsii.Close()
	return nil
}

// CloseAtExit ends the process and removes its files. It discards what is written to os.Stderr from then on:
// jsii waits for the process in two places, and the second one wrongly prints that it "exited abnormally".
func CloseAtExit() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	jsii.Close()
}
