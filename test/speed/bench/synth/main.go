// Command synth compares the synthesis of an app of image builds made with these constructs in Go (app.go)
// with the same app written with the CDK's own constructs in JavaScript (app.js). Every run checks that both
// create the same templates, byte for byte. They are measured in turns, both as programs and under `cdk
// synth`. The compile of the Go program, the helper's zip and the CDK's validation of templates, which both
// can turn off, are left out for both.
//
//	go -C test run ./speed/bench/synth [--builds 100] [--runs 7]
//
// It prints one line of JSON: the medians in seconds of both under `cdk synth` and their ratio, and under
// "app" those of the programs alone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/layercache/layercache/test/kit/checkout"
)

func main() {
	if path := os.Getenv(appVariable); path != "" {
		synthesizeFrom(path)
		return
	}
	builds := flag.Int("builds", 100, "image builds in the app")
	runs := flag.Int("runs", 7, "runs of each app")
	dir := flag.String("dir", "test/speed/bench/synth", "this program's folder, below the module's root")
	flag.Parse()
	if err := checkout.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		os.Exit(1)
	}
	result, err := measure(*dir, *builds, *runs, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		os.Exit(1)
	}
}
