package run

import (
	"context"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/builder"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/jobbuilder"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/dockerfile/parser"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/outline"
	"github.com/layercache/layercache/internal/variables"
)

// jobBuilder returns how the build joins the builder of its job; nil if it always has a builder of its own. In mode s3
// buildkitd has the AWS credentials of the build, which no other build is to use.
func (b *build) jobBuilder() *jobbuilder.Config {
	name := jobbuilder.Name(b.Settings.Job, b.LookupEnv)
	if name == "" || b.Settings.Mode == variables.ModeS3 {
		return nil
	}
	return &jobbuilder.Config{Name: name, Idle: b.Settings.JobIdle, Start: b.StartJobBuilder || b.Settings.Job != ""}
}

// joinJob joins the builder of the job with the options of a builder of the build's own.
func joinJob(ctx context.Context, config jobbuilder.Config, own builder.Options, mayHaveCacheMounts bool) (*jobbuilder.Member, error) {
	config.Options = own
	if !mayHaveCacheMounts {
		config.Options.Mounts = nil
	}
	return jobbuilder.Join(ctx, config)
}

// mayHaveCacheMounts reports whether steps of a build may have cache mounts. It is true if its Dockerfile cannot be read
// here, or is for another frontend.
func mayHaveCacheMounts(request Request, args buildx.Args) bool {
	if args.Context == "" || args.Dockerfile == "-" || !isFolder(within(request.Dir, args.Context)) {
		return true
	}
	content, err := source.ReadFile(dockerfilePath(request.Dir, args))
	if err != nil || buildArguments(request, args)["BUILDKIT_SYNTAX"] != "" {
		return true
	}
	if syntax, _, _, named := parser.DetectSyntax(content); named && !strings.Contains(syntax, "docker/dockerfile") {
		return true
	}
	text := strings.ToLower(string(content))
	return strings.Contains(text, "--mount") && (strings.Contains(text, "cache") || strings.Contains(text, "$"))
}

// tracedBuild is a build whose steps are compared with those of earlier builds of the job.
type tracedBuild struct {
	args   buildx.Args
	inputs cache.Inputs
	built  *outcome
}

// traceSteps finds out which cached steps did not come from the cache.
func (b *build) traceSteps(builds ...tracedBuild) {
	if b.builder.member != nil {
		b.traceEarlier(builds)
	}
	if len(builds) == 1 && b.builder.isFresh() && !builds[0].built.originsUnknown {
		builds[0].built.dropOwnHits()
	}
}

// traceEarlier marks the cached steps that earlier builds of the job had left in the builder, and tells the builder what
// these builds leave.
func (b *build) traceEarlier(builds []tracedBuild) {
	member := b.builder.member
	var left, cached []string
	unidentified := false
	identities := make([][]string, len(builds))
	for i, traced := range builds {
		steps := withoutTwins(traced.built.steps, traced.inputs.Outline)
		traced.built.steps = steps
		identities[i] = identify(steps, traced.inputs)
		isLeft := leftInBuilder(steps, fetchesImage(traced.args))
		for k, step := range steps {
			identity := identities[i][k]
			if isLeft[k] && !step.IsFrom() {
				left = append(left, identity)
				unidentified = unidentified || identity == ""
			}
			if step.Cached {
				cached = append(cached, identity)
			}
		}
	}
	history := member.Report(unique(left), unique(cached), unidentified)
	for i, traced := range builds {
		traced.built.mark(identities[i], history)
	}
}

// withoutTwins returns the steps without those of another build at the same time that had the same result: BuildKit shows
// them besides the build's own, which are then cached. The own ones are marked.
func withoutTwins(steps []progress.Step, dockerfile *outline.Outline) []progress.Step {
	if dockerfile == nil {
		return steps
	}
	ownOf := map[int]int{}
	for i, step := range steps {
		if own := ownTwin(steps, i, dockerfile); own >= 0 && (step.Earlier || step.Ran && step.Error == "") {
			ownOf[i] = own
		}
	}
	var kept []progress.Step
	indexes := make([]int, len(steps))
	for i, step := range steps {
		if _, foreign := ownOf[i]; !foreign {
			indexes[i] = len(kept)
			kept = append(kept, step)
		}
	}
	for foreign, own := range ownOf {
		indexes[foreign] = indexes[own]
		kept[indexes[own]].Earlier = true
	}
	for i, step := range kept {
		inputs := make([]int, len(step.Inputs))
		for k, input := range step.Inputs {
			inputs[k] = indexes[input]
		}
		slices.Sort(inputs)
		kept[i].Inputs = slices.DeleteFunc(slices.Compact(inputs), func(input int) bool { return input == i })
	}
	return kept
}

// ownTwin returns the cached step with the same instruction as the step at i, which is not in the Dockerfile itself, or is
// there where the other is. It returns -1 if there is none.
func ownTwin(steps []progress.Step, i int, dockerfile *outline.Outline) int {
	step := steps[i]
	place, found := dockerfile.Locate(step.Stage, step.Index, step.Instruction)
	return slices.IndexFunc(steps, func(other progress.Step) bool {
		if !other.Cached || other.Earlier || other.IsFrom() || other.Instruction != step.Instruction || other.Platform != step.Platform {
			return false
		}
		at, ok := dockerfile.Locate(other.Stage, other.Index, other.Instruction)
		return ok && (!found || at == place)
	})
}

// declareSteps tells the builder of the job, once the inputs have been read, which steps the build may leave there.
func (b *build) declareSteps() {
	member, queries := b.builder.member, b.declaredBy
	if member == nil {
		return
	}
	go func() {
		all := []string{}
		for _, query := range queries {
			parsed := query.wait().inputs.Outline
			if parsed == nil {
				return
			}
			identities, known := parsed.Identities()
			if !known {
				return
			}
			all = append(all, identities...)
		}
		member.Declare(all)
	}()
}

// unique returns the identities that are known, without repetitions.
func unique(identities []string) []string {
	slices.Sort(identities)
	return slices.DeleteFunc(slices.Compact(identities), func(identity string) bool { return identity == "" })
}

// leftInBuilder reports which steps a build has left in the builder: those that ran, and those whose files these needed.
// Of others, BuildKit only looked up the result in the cache, and fetched nothing. wholeImage is true if it fetched the
// layers of the image.
func leftInBuilder(steps []progress.Step, wholeImage bool) []bool {
	left := make([]bool, len(steps))
	var leave func(int)
	leave = func(i int) {
		if left[i] {
			return
		}
		left[i] = true
		for _, input := range steps[i].Inputs {
			// What a cached COPY --from copied is in its own layer.
			if !steps[i].Cached || sameStage(steps[input], steps[i]) || !strings.Contains(steps[i].Instruction, "from=") {
				leave(input)
			}
		}
	}
	for i, step := range steps {
		if step.Ran && !step.IsFrom() || wholeImage && sameStage(step, steps[len(steps)-1]) {
			leave(i)
		}
	}
	return left
}

func sameStage(a, b progress.Step) bool { return a.Stage == b.Stage && a.Platform == b.Platform }

// fetchesImage reports whether the builder needs all layers of the image: to write them elsewhere than to a registry.
func fetchesImage(args buildx.Args) bool {
	return slices.Contains(args.Rest, "--load") || slices.ContainsFunc(args.Outputs, func(output string) bool {
		return !buildx.Pushes(output) && !buildx.OnlyCaches(output)
	})
}

// identify returns the identity of each step, and "" if it is not known.
func identify(steps []progress.Step, inputs cache.Inputs) []string {
	identities := make([]string, len(steps))
	if inputs.Outline == nil {
		return identities
	}
	for i, step := range steps {
		place, found := inputs.Outline.Locate(step.Stage, step.Index, step.Instruction)
		if !found {
			continue
		}
		if identity, known := inputs.Outline.Identity(place); known {
			identities[i] = jobbuilder.Identity(step.Platform, identity)
		}
	}
	return identities
}

// mark marks the steps that are in the builder's history. If the build read no cache, all that did not run are.
func (o *outcome) mark(identities []string, history jobbuilder.StepOrigins) {
	if history.Alone {
		return
	}
	o.originsUnknown = !history.Complete
	imported := o.imported()
	for i, step := range o.steps {
		if !step.Cached || step.IsFrom() || step.Earlier {
			continue
		}
		o.steps[i].Earlier = !imported || identities[i] != "" && slices.Contains(history.Earlier, identities[i])
		o.originsUnknown = o.originsUnknown || identities[i] == "" || slices.Contains(history.Unsure, identities[i])
	}
	if !imported {
		o.originsUnknown = false
	}
}
