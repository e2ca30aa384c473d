//go:build !bundled

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/lint"
	"github.com/layercache/layercache/internal/lint/bases"
	"github.com/layercache/layercache/internal/registry/ecr"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/safewrite"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/variables"
)

func newLint() *cobra.Command {
	var options lintOptions
	command := &cobra.Command{
		Use:   "lint [FILE]",
		Short: "Find what breaks layer caching in a Dockerfile, and make the safe fixes",
		Long: `Find what breaks layer caching in a Dockerfile. Each finding has the line, why it matters, what to change and what to expect.

FILE is a Dockerfile, a folder that holds one, or "-" for stdin (default: the Dockerfile in the current folder). The exit
status is 1 if there is a finding of the level --fail-on or above. --fix makes only changes that cannot alter the image.

Whether --link can alter an image depends on the files of its base image. With --fix or --base-images=always, their names,
modes and owners are read from its registry, as it is now, or from the mirrors in LAYERCACHE_MIRRORS. All layers are
downloaded for this, and nothing of them is kept.

A comment above an instruction turns off a rule there: # layercache:ignore unpinned-base`,
		Example: "  layercache lint ./service\n  layercache lint --fix docker/Dockerfile --context .\n  layercache lint --format sarif --output lint.sarif --fail-on never",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("lint reads one Dockerfile, but %d were given: layercache lint [FILE]", len(args))
			}
			return nil
		},
		RunE: endingAtOnce(func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				options.file = args[0]
			}
			findings, err := options.run(cmd)
			if err != nil {
				return err
			}
			if worst := lint.Worst(findings); options.failOn != "never" && worst >= options.failLevel {
				return exitStatus(1)
			}
			return nil
		}),
	}
	flags := command.Flags()
	flags.StringVar(&options.context, "context", "", "folder of the build context (default: the Dockerfile's folder or one above it, by what the Dockerfile copies; none for stdin)")
	flags.StringVar(&options.format, "format", "text", "text, json or sarif")
	flags.StringVarP(&options.output, "output", "o", "", "write the findings to this file instead of stdout")
	flags.StringVar(&options.failOn, "fail-on", "warning", "lowest level for exit status 1: error, warning, info or never")
	flags.StringVar(&options.baseImages, "base-images", "auto", "read the lists of files of base images: always, never, or auto (with --fix)")
	flags.BoolVar(&options.fix, "fix", false, "make the changes that cannot alter the image, then report the remaining findings")
	return command
}

type lintOptions struct {
	file, context, format, output, failOn, baseImages string
	failLevel                                         lint.Level
	fix                                               bool
}

// run writes the findings and returns them.
func (o *lintOptions) run(cmd *cobra.Command) ([]lint.Finding, error) {
	write, ok := map[string]func(io.Writer, []lint.Finding) error{
		"text": lint.WriteText, "json": lint.WriteJSON, "sarif": lint.WriteSARIF,
	}[o.format]
	if !ok {
		return nil, unknownValue("format", o.format, "text", "json", "sarif")
	}
	if err := o.failLevel.UnmarshalText([]byte(o.failOn)); err != nil && o.failOn != "never" {
		return nil, unknownValue("fail-on", o.failOn, "error", "warning", "info", "never")
	}
	if !slices.Contains([]string{"auto", "always", "never"}, o.baseImages) {
		return nil, unknownValue("base-images", o.baseImages, "auto", "always", "never")
	}
	source, options, err := o.read(cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	if o.baseImages == "always" || o.baseImages == "auto" && o.fix {
		if options.Bases, err = readBases(cmd); err != nil {
			return nil, err
		}
	}
	if o.fix {
		if source, err = o.applyFixes(cmd, source, options); err != nil {
			return nil, err
		}
	}
	findings, err := lint.Check(source, options)
	if err != nil {
		return nil, err
	}
	if o.output == "" {
		return findings, write(cmd.OutOrStdout(), findings)
	}
	target, err := safewrite.Create(o.output)
	if err != nil {
		return nil, fmt.Errorf("write the findings: %w", err)
	}
	return findings, errors.Join(write(target, findings), target.Close())
}

// readBases returns a function that reads the lists of files of base images.
func readBases(cmd *cobra.Command) (lint.Bases, error) {
	settings, err := variables.FromEnv(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return bases.New(cmd.Context(), bases.Options{
		Mirrors: settings.Mirrors, Keychain: ecr.LoginFor,
		Progress: func(text string) { cmd.PrintErrln(escape.Output("layercache: " + text)) },
	}), nil
}

// read reads the Dockerfile and its build context.
func (o *lintOptions) read(stdin io.Reader) ([]byte, lint.Options, error) {
	if o.file == "-" {
		if o.fix {
			return nil, lint.Options{}, errors.New("--fix needs a file, not stdin: layercache lint --fix FILE")
		}
		content, err := lint.Read(stdin)
		options := lint.Options{File: "stdin"}
		if err == nil && o.context != "" {
			options.Context, err = lint.ReadContext(o.context, source.Dockerfile(filepath.Join(o.context, "Dockerfile")))
		}
		return content, options, err
	}
	if info, err := os.Stat(cmp.Or(o.file, ".")); err == nil && info.IsDir() {
		folder := o.file
		o.file = source.Dockerfile(filepath.Join(folder, "Dockerfile"))
		// The user has not named the file itself, so the author of the source may have put a symlink or a pipe there.
		if err := source.CheckRead(cmp.Or(folder, "."), o.file); err != nil {
			return nil, lint.Options{}, err
		}
	}
	file, err := os.Open(o.file)
	if err != nil {
		return nil, lint.Options{}, fmt.Errorf("read the Dockerfile: %w; for another path: layercache lint FILE", err)
	}
	defer file.Close()
	if info, err := file.Stat(); o.fix && (err != nil || !info.Mode().IsRegular()) {
		return nil, lint.Options{}, fmt.Errorf("--fix needs a regular file, which %s is not", o.file)
	}
	content, err := lint.Read(file)
	if err != nil {
		return nil, lint.Options{}, err
	}
	options := lint.Options{File: filepath.ToSlash(o.file)}
	dir, known := o.context, true
	if dir == "" {
		dir, known = lint.FindContext(content, filepath.Dir(o.file))
	}
	if known {
		options.Context, err = lint.ReadContext(dir, o.file)
	}
	return content, options, err
}

// applyFixes rewrites the Dockerfile if something can be fixed, and lists the fixes on stderr.
func (o *lintOptions) applyFixes(cmd *cobra.Command, source []byte, options lint.Options) ([]byte, error) {
	fixed, done, err := lint.Fix(source, options)
	if err != nil || len(done) == 0 {
		return source, err
	}
	if err := lint.Replace(o.file, source, fixed); err != nil {
		return nil, err
	}
	for _, f := range done {
		cmd.PrintErrln(escape.Output(fmt.Sprintf("fixed %s:%d: %s [%s]", f.File, f.Line, f.Change, f.Rule)))
	}
	return fixed, nil
}
