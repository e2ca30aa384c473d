package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/outputs"
	"github.com/layercache/layercache/internal/report/comparison"
	"github.com/layercache/layercache/internal/safewrite"
)

func newReport() *cobra.Command {
	format, output := "", ""
	command := &cobra.Command{
		Use:   "report FILE [FILE]",
		Short: "Show the report of a build again, or compare two builds",
		Long: `Show the report of a build again, or compare the reports of two builds, the earlier one first.

FILE is a report.json or a folder that holds one.`,
		Example: "  layercache report layercache-report\n  layercache report before/report.json after/report.json\n  layercache report --format html --output comparison.html before after",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("report needs a report.json or a folder with one: layercache report layercache-report")
			case len(args) > 2:
				return fmt.Errorf("report shows one build or compares two, but %d were given: layercache report BEFORE AFTER", len(args))
			}
			return nil
		},
		RunE: endingAtOnce(func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(comparison.Formats(), format) {
				return unknownValue("format", format, comparison.Formats()...)
			}
			builds, err := comparison.Load(args)
			if err != nil {
				return err
			}
			shown, err := comparison.Render(builds, format)
			if err != nil {
				return err
			}
			if output == "" {
				_, err = cmd.OutOrStdout().Write(shown)
				return err
			}
			file, err := safewrite.Create(output)
			if err == nil {
				_, err = file.Write(shown)
				err = errors.Join(err, file.Close())
			}
			if err != nil {
				return fmt.Errorf("write --output: %w", err)
			}
			outputs.Remember(output)
			return nil
		}),
	}
	command.Flags().StringVar(&format, "format", "text", strings.Join(comparison.Formats(), ", "))
	command.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	return command
}
