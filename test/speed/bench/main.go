// Command bench builds the same applications with layercache and in each of the ways that people use today,
// with real parts and in one run, and reports how long each took.
//
//	make bench
//	go -C test run ./speed/bench -runs 5 -workloads app
//	go -C test run ./speed/bench -from docs/evidence/benchmark.json
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
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
		fmt.Fprintln(os.Stderr, "bench: interrupted; the file has the measurements so far")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are the options of the command line.
type options struct {
	choice
	runs                int
	seed                uint64
	json, page, picture string
	from                string
	dir                 string
	synth               bool
	verbose             bool
}

func parse(args []string) (options, error) {
	o := options{seed: rand.Uint64() >> 11}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	list := func(into *[]string, name, usage string, keys []string) {
		flags.Func(name, usage+", separated by commas: "+strings.Join(keys, ", ")+" (default: as planned)", func(value string) error {
			*into = strings.Split(value, ",")
			return nil
		})
	}
	list(&o.workloads, "workloads", "`names` of workloads", workloadKeys())
	list(&o.phases, "phases", "`names` of phases", phaseKeys())
	list(&o.flows, "flows", "`names` of flows", flowKeys())
	list(&o.networks, "network", "`names` of networks", networkKeys())
	flags.BoolVar(&o.all, "all", false, "every combination, not only those of the plan")
	flags.IntVar(&o.runs, "runs", 1, "`number` of measurements of each build; with 0, only the zip and the synth are measured")
	flags.Uint64Var(&o.seed, "seed", o.seed, "seed `number` of the order of the builds (default: random)")
	flags.StringVar(&o.json, "json", "", "the `file` for the results (default: dist/bench/results.json; none with -from)")
	flags.StringVar(&o.page, "page", "", "the `file` for the Markdown page (default: none)")
	flags.StringVar(&o.picture, "picture", "", "the `file` for the SVG picture (default: none)")
	flags.StringVar(&o.from, "from", "", "do not measure; read the results from this `file`, or from several separated by commas")
	flags.StringVar(&o.dir, "dir", "", "a `directory` for the builders and the registry, which need tens of gigabytes (default: the directory for temporary files)")
	flags.BoolVar(&o.synth, "synth", false, "also measure the synth")
	flags.BoolVar(&o.verbose, "verbose", false, "show the output of the programs")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("bench: unexpected argument %q: every option is a flag (see -help)", flags.Arg(0))
	}
	if o.from == "" {
		o.json = cmp.Or(o.json, "dist/bench/results.json")
	}
	return o, nil
}

func run(ctx context.Context, args []string, w io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	var measured *results
	if o.from != "" {
		measured, err = join(strings.Split(o.from, ","), o.json)
	} else {
		measured, err = measure(ctx, o, args, w)
	}
	if err != nil {
		return err
	}
	return publish(measured, o, w)
}

// publish prints the tables, and writes the page and the picture if requested.
func publish(measured *results, o options, w io.Writer) error {
	printTables(w, measured)
	if o.page != "" {
		if err := writePage(o.page, measured); err != nil {
			return err
		}
	}
	if o.picture != "" {
		return drawPicture(o.picture, measured.sheets()[0])
	}
	return nil
}
