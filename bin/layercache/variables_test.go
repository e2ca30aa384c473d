package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/variables"
)

func TestTheListOfVariablesWraps(t *testing.T) {
	wrapped := false
	for line := range strings.SplitSeq(variablesHelp(variables.Build), "\n") {
		assert.LessOrEqual(t, len(line), helpWidth, line)
		wrapped = wrapped || len(line) > helpWidth*3/4
	}
	assert.True(t, wrapped, "lines are filled")
}

func TestHelpFitsOnAScreen(t *testing.T) {
	for _, command := range []*cobra.Command{newImage(), newIndex(), newStop()} {
		for line := range strings.SplitSeq(command.Long+"\n"+command.UsageString(), "\n") {
			assert.LessOrEqual(t, len(line), helpWidth, line)
		}
	}
}
