package main

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/internal/run"
)

func TestDoctorIsAdvisedOnlyForFaultsOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     error
		advised bool
	}{
		{"no builder can run", errors.New("no builder can run here"), true},
		{"there is no bake file", run.ReadError{Status: 1}, false},
		{"the bake file cannot be fetched", run.ReadError{Status: 1, Remote: true}, false},
		{"a signal ends the build", run.Stopped{Signal: syscall.SIGTERM}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := explained(c.err)
			assert.ErrorIs(t, got, c.err)
			if c.advised {
				assert.ErrorContains(t, got, "`layercache doctor`")
			} else {
				assert.NotContains(t, got.Error(), "doctor")
			}
		})
	}
}
