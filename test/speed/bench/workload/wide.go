package workload

import (
	"fmt"
	"path/filepath"
	"strings"
)

// stageSteps is the number of steps in each stage of a wide graph.
const stageSteps = 10

// wide returns a graph of steps/10 parallel stages, and a last stage that copies from each. Each stage has
// one COPY and nine RUN steps.
func wide(key, letter string, steps int) Workload {
	stages := steps / stageSteps
	return Workload{
		Key: key, Letter: letter, What: fmt.Sprintf("%d parallel stages with %d steps in total", stages, steps),
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
