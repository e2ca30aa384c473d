// Command synth measures the synthesis of an app of image builds made with these constructs in Go (app.go) against the same app
// written with the CDK's own constructs in JavaScript (app.js). Both make the same templates, byte for byte; every run is checked
// for that. They are measured in turns, as programs of their own and below `cdk synth`; the compile of the Go program, the
// helper's zip and the CDK's check of finished templates, which both can turn off, are left out on both sides.
//
//	go -C test run ./bench/synth [--builds 100] [--runs 7]
//
// It prints one line of JSON: the medians in seconds of the two under `cdk synth` and their ratio, and under "app" those of the
// programs alone.
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
	dir := flag.String("dir", "test/bench/synth", "this program's folder, below the module's root")
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
