package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(appVariable); path != "" {
		synthesizeFrom(path)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestBothAppsMakeTheSameTemplates(t *testing.T) {
	b, err := newBench(".", 2, os.Stderr)
	require.NoError(t, err)
	defer os.RemoveAll(b.dir)

	template := b.assembly("javascript") + "/Builds0.template.json"
	text, err := os.ReadFile(template)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(template, append(text, '\n'), 0o644))
	assert.ErrorContains(t, b.compare(), "the two apps differ in Builds0.template.json")
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2.0, median([]float64{3, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{4, 1, 2, 3}))
}
