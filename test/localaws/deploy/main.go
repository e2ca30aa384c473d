//go:build linux

// Command deploy deploys the synthesized CDK app into a local AWS on this machine, runs builds in it, and
// keeps it running until Ctrl-C.
//
//	npx cdk synth --quiet --output dist/deploy/cdk.out && go -C test run ./localaws/deploy
package main

import (
	"context"
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
	assembly := flag.String("cdk-out", "dist/deploy/cdk.out", "the `directory` that `cdk synth` wrote")
	leave := flag.Bool("leave", false, "stop everything and exit when the builds are verified")
	flag.Parse()
	err := checkout.Enter()
	if err == nil {
		err = deploy(ctx, *assembly, *leave, os.Stdout)
	}
	interrupted := ctx.Err() != nil
	stop()
	if interrupted {
		fmt.Println("deploy: everything that was started has been stopped and removed")
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// deploy deploys the app and runs the builds. Unless leave is set, it then waits for the end of ctx.
func deploy(ctx context.Context, assembly string, leave bool, w io.Writer) error {
	dir, err := os.MkdirTemp("", "layercache-deploy-")
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	defer os.RemoveAll(dir)
	d := &deployment{dir: dir, w: w}
	defer d.close()
	if err := d.start(ctx, assembly); err != nil {
		return err
	}
	if err := d.build(ctx); err != nil {
		return err
	}
	if leave {
		return nil
	}
	d.explain()
	<-ctx.Done()
	return nil
}
