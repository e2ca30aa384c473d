package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/layercache/layercache/test/kit/checkout"
)

// synthResult is the duration of an app's synth, in Go with these constructs and in JavaScript without them:
// medians in seconds.
type synthResult struct {
	synthPair
	// App is the synth without the CDK CLI, which is the same for both.
	App    synthPair `json:"app"`
	Builds int       `json:"builds"`
	Runs   int       `json:"runs"`
}

type synthPair struct {
	Go         float64 `json:"go"`
	JavaScript float64 `json:"javascript"`
	Ratio      float64 `json:"ratio"`
}

// measureSynth runs test/speed/bench/synth as a separate process, because a synth starts jsii's kernel.
func measureSynth(ctx context.Context) (*synthResult, error) {
	cmd := exec.CommandContext(ctx, "go", "-C", checkout.Path("test"), "run", "./speed/bench/synth")
	cmd.Stderr = os.Stderr
	printed, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("bench: synth: %w", err)
	}
	var measured synthResult
	if err := json.Unmarshal(printed, &measured); err != nil {
		return nil, fmt.Errorf("bench: synth printed %q: %w", printed, err)
	}
	return &measured, nil
}
