// Command demo shows layercache on one machine, without an AWS account. It takes a CodeBuild project from a
// synthesized CDK app (its buildspec, environment variables and assets), runs it three times as CodeBuild
// would, each time on a fresh builder with a registry on loopback, and prints what the cache saved.
//
//	npx cdk synth && go -C test run ./demo
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/layercache/layercache/test/kit/checkout"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := checkout.Enter()
	if err == nil {
		err = run(ctx, os.Args[1:], os.Stdout)
	}
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case interrupted:
		fmt.Fprintln(os.Stderr, "demo: interrupted; everything it started has been stopped and removed")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are the command-line flags.
type options struct {
	cdkOut  string
	project string
	reports string
	keep    bool
}

func run(ctx context.Context, args []string, w io.Writer) error {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&o.cdkOut, "cdk-out", "cdk.out", "the `directory` that `cdk synth` wrote")
	flags.StringVar(&o.project, "project", "", "the logical id of the CodeBuild project, if the app has several")
	flags.StringVar(&o.reports, "reports", "layercache-report/demo", "the `directory` for the builds' reports")
	flags.BoolVar(&o.keep, "keep", false, "keep the working directories and the registry's content")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("demo: unexpected argument %q: use only flags (see -help)", flags.Arg(0))
	}
	project, err := findProject(o)
	if err != nil {
		return err
	}
	d, err := start(ctx, o, project, w)
	if err != nil {
		return err
	}
	defer d.close()
	builds, err := d.buildAll(ctx)
	if err != nil {
		return err
	}
	printResults(w, builds)
	return judge(builds)
}
