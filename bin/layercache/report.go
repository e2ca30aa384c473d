package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/layercache/layercache/internal/report/history"
	"github.com/layercache/layercache/internal/rooted"
)

func newReport() *cobra.Command {
	format, output := "", ""
	command := &cobra.Command{
		Use:   "report FILE…",
		Short: "Show a build's report again, compare two, or follow the trend of more",
		Long: `Show the report of a build again; compare the reports of two builds, the earlier one first; or follow the trend of
three or more, in the order in which the builds started.

FILE is a report.json, a folder that holds one, or a folder of such folders.`,
		Example: "  layercache report layercache-report\n  layercache report before/report.json after/report.json\n  layercache report --format html --output trend.html reports/",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("report needs a report.json or a folder with one: layercache report layercache-report")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			builds, err := history.Load(args)
			if err != nil {
				return err
			}
			shown, err := history.Render(builds, format)
			if err != nil {
				return err
			}
			if output == "" {
				_, err = cmd.OutOrStdout().Write(shown)
				return err
			}
			file, err := rooted.Create(output)
			if err == nil {
				_, err = file.Write(shown)
				err = errors.Join(err, file.Close())
			}
			if err != nil {
				return fmt.Errorf("write --output: %w", err)
			}
			return nil
		},
	}
	command.Flags().StringVar(&format, "format", "text", strings.Join(history.Formats, ", "))
	command.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	return command
}
