package main

import (
	"strings"
	"testing"

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
