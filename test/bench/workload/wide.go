package workload

import (
	"fmt"
	"path/filepath"
	"strings"
)

// stageSteps is how many steps each stage of a wide graph has.
const stageSteps = 10

// wide is a graph of steps/10 stages side by side, which a last stage of a copy each joins. Of their steps one takes a file
// in, nine run.
func wide(key, letter string, steps int) Workload {
	stages := steps / stageSteps
	return Workload{
		Key: key, Letter: letter, What: fmt.Sprintf("%d stages side by side with %d steps together", stages, steps),
		Bases: []string{Small}, Changing: Small, Proof: "part0/part",
		write: func(dir string, r Revision) error {
			for stage := range stages {
				content := "part " + fmt.Sprint(stage)
				switch stage {
				case 0:
					content = r.Source
				case 1:
					content = r.Dependencies
				}
				if err := text(filepath.Join(dir, "parts", fmt.Sprint(stage)), content); err != nil {
					return err
				}
			}
			return text(filepath.Join(dir, "Dockerfile"), wideDockerfile(stages, r))
		},
	}
}

func wideDockerfile(stages int, r Revision) string {
	var b strings.Builder
	for stage := range stages {
		fmt.Fprintf(&b, "FROM %s/%s:latest AS stage%d\nCOPY parts/%d /work/part\n", r.Bases, Small, stage, stage)
		for step := 1; step < stageSteps; step++ {
			fmt.Fprintf(&b, "RUN echo stage %d step %d > /work/step%d\n", stage, step, step)
		}
	}
	fmt.Fprintf(&b, "FROM %s/%s:latest\n", r.Bases, Small)
	for stage := range stages {
		fmt.Fprintf(&b, "COPY %s--from=stage%d /work/ /part%d/\n", r.Link(), stage, stage)
	}
	return b.String()
}
