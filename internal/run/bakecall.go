package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/bake"
	"github.com/layercache/layercache/internal/buildkit/buildx"
	"github.com/layercache/layercache/internal/buildkit/display"
	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/report/escape"
	"github.com/layercache/layercache/internal/variables"
)

// execute is build.execute for all targets.
func (b *bakeBuild) execute(ctx context.Context) (outcome, error) {
	b.plan(ctx)
	whole, err := b.buildDespiteCache(ctx)
	if err != nil {
		return outcome{}, err
	}
	var late []*bakedTarget
	for _, t := range b.targets {
		t.build.noteUnreached(&t.outcome)
		ranStep := slices.ContainsFunc(t.outcome.steps, func(step progress.Step) bool { return step.Ran && !step.IsFrom() })
		switch {
		case !t.skipsExport || t.outcome.exitCode != 0:
		case !ranStep:
			t.outcome.unchanged = true
		default:
			late = append(late, t)
		}
	}
	b.exportLate(ctx, late, "because a step had to run")
	b.exportAfterThrottling(ctx, whole.exitCode)
	return whole, nil
}

// plan sets the cache flags of each target for the first call.
func (b *bakeBuild) plan(ctx context.Context) {
	without := map[string][]*bakedTarget{}
	var replaced, inline []*bakedTarget
	throttled := throttle.FromContext(ctx).Total()
	b.budget.spend(throttled)
	for _, t := range b.targets {
		plan, problems := t.build.dropUnreachableCaches(ctx)
		for _, problem := range problems {
			without[problem] = append(without[problem], t)
		}
		// All targets' inputs are read at the same time, so all of them may wait for all.
		t.plan, t.skipsExport = t.build.skipExportIfUnchanged(plan, nothingNewWait*time.Duration(len(b.targets)))
		if len(t.target.OwnCacheFrom()) > 0 && t.readsPlan() {
			replaced = append(replaced, t)
		}
		if t.hasCache() && t.target.WritesInlineCache() {
			inline = append(inline, t)
		}
		b.budget.spend(max(0, t.build.budget.spent-throttled))
		t.build.budget = b.budget
	}
	for problem, targets := range without {
		b.say("building without the cache: %s (%s)", escape.Line(problem), shorten(namesOf(targets)))
	}
	if len(replaced) > 0 {
		b.say("cache-from is replaced by the cache of layercache (%s)", shorten(namesOf(replaced)))
	}
	if len(inline) > 0 {
		b.say("the inline cache is replaced by the cache of layercache (%s)", shorten(namesOf(inline)))
	}
}

// readsPlan reports whether the target reads the planned caches instead of those of the bake file. It never reads both:
// BuildKit would take the result of a step from either, and may then find none of the next step.
func (t *bakedTarget) readsPlan() bool {
	return len(t.plan.From) > 0 && !t.build.Settings.Refresh && !t.build.args.NoCache
}

// buildDespiteCache builds all targets, and repeats the call according to retryPolicy. A target whose cache made the call
// fail is then built without its cache, the others with theirs. The builder has the steps that they finished.
func (b *bakeBuild) buildDespiteCache(ctx context.Context) (outcome, error) {
	if b.budget.left() == 0 {
		for _, t := range b.targets {
			if dropped := t.build.budgetUsedUp(&t.plan); dropped != nil {
				t.outcome = *dropped
			}
		}
	}
	var imports float64
	for {
		whole, err := b.callWithinBudget(ctx)
		if err != nil {
			return outcome{}, err
		}
		imports += whole.timing.Import
		causes := b.cacheFailures(whole)
		again, err := b.prepareRetry(ctx, b.situationOf(ctx, whole, causes), retryActions{
			dropThrottled: func() {
				for _, t := range b.targets {
					t.outcome.dropThrottledImports()
				}
			},
			dropCache:    func() { b.dropCaches(causes) },
			leaveBuilder: func() error { return b.stuckError(errors.New("bake stays on the builder that --builder names")) },
		})
		if !again {
			whole.timing.Import = imports
			return whole, err
		}
		b.shareBuilder()
	}
}

// situationOf returns the situation after a call. The first target whose cache failed has the cause.
func (b *bakeBuild) situationOf(ctx context.Context, whole outcome, causes map[*bakedTarget]*cacheFailure) situation {
	s := situation{failed: whole.exitCode != 0, stopped: stoppedBy(ctx) != nil, replaced: b.replaced}
	if !s.failed || s.stopped {
		return s
	}
	s.builderDied, s.throttled = b.builderDied(whole), b.throttledIn(whole)
	for _, t := range b.targets {
		if s.cause == nil {
			s.cause = causes[t]
		}
	}
	return s
}

// dropCaches removes the caches that made the call fail from the plans of their targets.
func (b *bakeBuild) dropCaches(causes map[*bakedTarget]*cacheFailure) {
	texts := map[string][]*bakedTarget{}
	for _, t := range b.targets {
		if cause := causes[t]; cause != nil {
			texts[cause.String()] = append(texts[cause.String()], t)
			cause.applyTo(&t.outcome, &t.plan)
		}
	}
	for text, targets := range texts {
		b.say("%s: building again without it (%s)", escape.Line(text), shorten(namesOf(targets)))
	}
}

// cacheFailures returns the failure of the cache of each target that has one.
func (b *bakeBuild) cacheFailures(whole outcome) map[*bakedTarget]*cacheFailure {
	failures := map[*bakedTarget]*cacheFailure{}
	if whole.exitCode == 0 {
		return failures
	}
	for _, t := range b.targets {
		ended := t.outcome
		ended.stall, ended.buildxError = whole.stall, whole.buildxError
		if usesCache(t.plan) && t.isConcerned(whole.stall) {
			if cause := t.build.cacheFailureIn(ended, t.plan); cause != nil {
				failures[t] = cause
			}
		}
	}
	return failures
}

// isConcerned reports whether the cache of the target is one that made layercache end the call: one that is being read,
// or written. It is true if layercache did not end the call.
func (t *bakedTarget) isConcerned(s stall) bool {
	switch {
	case s.awaited == progress.AwaitsNothing && s.throttled == "":
		return true
	case s.awaited == progress.AwaitsExport:
		return t.outcome.graph.ExportsCache()
	case len(s.refs) > 0:
		return slices.ContainsFunc(t.plan.Refs.Imports, func(ref string) bool { return slices.Contains(s.refs, ref) })
	}
	return len(t.plan.From) > 0
}

// callWithinBudget is build.callWithinBudget for all targets.
func (b *bakeBuild) callWithinBudget(ctx context.Context) (outcome, error) {
	waits, left := throttle.FromContext(ctx), b.budget.left()
	before := waits.Total()
	whole, err := b.call(ctx)
	b.budget.spend(max(0, waits.Total()-before-(left-b.budget.left())))
	return whole, err
}

// call calls buildx for all targets, shows its progress until it ends, and sets the outcome of each target. An earlier
// outcome of a target is added to it.
func (b *bakeBuild) call(ctx context.Context) (outcome, error) {
	if b.args.OnlyChecks {
		return b.check(ctx)
	}
	if err := errors.Join(b.hideOutputs(), b.placeTargets()); err != nil {
		return outcome{}, err
	}
	metadata := within(b.Dir, b.args.MetadataFile)
	arguments := []string{}
	if b.args.MetadataFile == "" {
		metadata = filepath.Join(b.dir, "metadata.json")
		arguments = append(arguments, "--metadata-file="+metadata)
	}
	if b.Settings.Refresh {
		arguments = append(arguments, "--no-cache")
	}
	var formed []string
	for _, t := range b.targets {
		arguments = append(arguments, b.overrides(t)...)
		if _, changed := t.build.imageForm().Outputs(t.finalOutputs()); changed {
			formed = append(formed, t.target.Name)
		}
	}
	// The caller's own values of --set come first: of two values, buildx takes the last or both.
	cmd := b.command(ctx, slices.Concat(b.bakeArguments(), b.callersFlags(formed), arguments, b.bake.Positional()))
	if stdout := b.Stdout; stdout != nil {
		text := display.NewText(stdout)
		defer text.Flush()
		cmd.Stdout = text
	}
	targets := progress.NewTargets(namesOf(b.targets))
	code, stall, err := b.watchCall(ctx, cmd, b.mode, progress.NewGraph(), targets)
	if err != nil {
		return outcome{}, err
	}
	var images map[string]builtImage
	if code == 0 || b.bake.Value("jobs") != "" {
		images = readBakeMetadata(metadata)
	}
	for _, t := range b.targets {
		t.take(targets, b.sameSource(t), code, images[t.target.Name])
		for _, attempt := range cmd.locked {
			if slices.Contains(t.build.flags.Refs.Imports, attempt.Ref) {
				t.outcome.imports = append(t.outcome.imports, attempt)
			}
		}
	}
	all := targets.All
	return outcome{graph: all, images: all.Images(), timing: all.Timing(), activities: all.Activities(), exitCode: code, stall: stall, buildxError: cmd.buildxError}, nil
}

// take sets the outcome after a call, with that of an earlier call added.
func (t *bakedTarget) take(targets *progress.Targets, same []string, code int, image builtImage) {
	earlier, graph := t.outcome, targets.Graph(t.target.Name)
	if code != 0 && graph.HasExported(t.placement.Image != "" || slices.ContainsFunc(t.target.DeclaredOutputs(), buildx.Pushes)) {
		code = 0
	}
	span := targets.Span(t.target.Name)
	t.span += max(0, span.End.Sub(span.Start))
	t.outcome = outcome{
		graph: graph, steps: targets.Steps(t.target.Name, same), images: graph.Images(), imports: graph.Imports(), timing: graph.Timing(), activities: graph.Activities(),
		export: graph.Export(), exitCode: code, frontend: graph.Frontend(append(t.build.args.Scanners, defaultScanner)), image: image,
	}
	if earlier.graph != nil || len(earlier.imports) > 0 {
		t.outcome.add(earlier)
	}
}

// sameSource returns the other targets that differ from the target only in what becomes of the image and in the stage.
func (b *bakeBuild) sameSource(t *bakedTarget) []string {
	var same []string
	for _, other := range b.targets {
		if other != t && other.target.SameSource(t.target) {
			same = append(same, other.target.Name)
		}
	}
	return same
}

// bakeArguments returns the start of every call that builds.
func (b *bakeBuild) bakeArguments() []string {
	return append([]string{"bake", "--progress=rawjson"}, b.onBuilder()...)
}

// callersFlags returns the caller's flags, without the outputs of the replaced targets, and without all that say where
// images go if overrides does.
func (b *bakeBuild) callersFlags(replaced []string) []string {
	if b.keepsImages() {
		return b.bake.FlagsForOutputs()
	}
	return b.bake.Flags(replaced...)
}

// onBuilder returns the flag that names the builder.
func (b *bakeBuild) onBuilder() []string {
	if name := cmp.Or(b.builder.name, b.args.Builder); name != "" {
		return []string{"--builder=" + name}
	}
	return nil
}

// hideOutputs sets the Dockerfile of each target that leaves out what layercache wrote.
func (b *bakeBuild) hideOutputs() error {
	for _, t := range b.targets {
		if t.target.Inline != "" {
			continue
		}
		args, err := t.build.withoutOutputs()
		if err != nil {
			return err
		}
		t.dockerfileCopy = ""
		if args.Dockerfile != t.build.args.Dockerfile {
			t.dockerfileCopy = args.Dockerfile
		}
	}
	return nil
}

// overrides returns the flags of buildx that give a target its cache and the form of its image. A target may inherit from
// another one, with the values of --set, so each value is set for each target.
func (b *bakeBuild) overrides(t *bakedTarget) []string {
	if t.build.args.OnlyChecks {
		return nil
	}
	flags := slices.Concat(b.cacheOverrides(t), b.outputOverrides(t))
	for name, place := range t.placement.Contexts {
		if t.target.Contexts[name] == "" {
			flags = append(flags, t.set("contexts."+name, place))
		}
	}
	for _, label := range t.build.labels {
		flags = append(flags, "--set="+t.target.Name+".labels."+label)
	}
	return append(flags, b.dockerfileOverrides(t)...)
}

// set returns the flag that sets a value of the target.
func (t *bakedTarget) set(name, value string) string {
	return "--set=" + t.target.Name + "." + name + "=" + value
}

// setAll returns the flags that set a list of the target; an empty list is one empty value.
func (t *bakedTarget) setAll(name string, values []string) []string {
	if len(values) == 0 {
		values = []string{""}
	}
	var flags []string
	for _, value := range values {
		flags = append(flags, t.set(name, value))
	}
	return flags
}

// cacheOverrides returns the flags that set the caches of a target.
func (b *bakeBuild) cacheOverrides(t *bakedTarget) []string {
	var flags []string
	plan := t.plan
	if b.builder.kind == variables.BuilderNative {
		plan = plan.BuilderSignsIn()
	}
	from, to := t.target.OwnCacheFrom(), t.target.OwnCacheTo()
	if t.readsPlan() {
		from = plan.From
	}
	if t.hasCache() && t.target.WritesInlineCache() {
		to = slices.DeleteFunc(to, bake.IsInlineCache)
		if t.target.Args[buildx.InlineCache] != nil {
			flags = append(flags, t.set("args."+buildx.InlineCache, "0"))
		}
	}
	if flag := t.build.exportFlag(plan); flag != "" {
		to = append([]string{flag}, to...)
	}
	if slices.ContainsFunc(b.targets, (*bakedTarget).hasCache) {
		flags = slices.Concat(flags, t.setAll("cache-from", from), t.setAll("cache-to", to))
	}
	return flags
}

// outputOverrides returns the flags that set where the image of a target goes, its form, and its tags if the caller keeps
// images.
func (b *bakeBuild) outputOverrides(t *bakedTarget) []string {
	var flags []string
	if outputs, changed := t.build.imageForm().Outputs(t.finalOutputs()); changed || b.keepsImages() {
		// First an empty one: newer versions of buildx then leave out what --set gives to a pattern.
		flags = t.setAll("output", append([]string{""}, outputs...))
	}
	if b.keepsImages() {
		tags := t.target.Tags
		if t.placement.Image != "" {
			tags = []string{t.placement.Image}
		}
		flags = append(flags, t.setAll("tags", tags)...)
	}
	return flags
}

// dockerfileOverrides returns the flags that set the Dockerfile of each target if a copy replaces one of them.
func (b *bakeBuild) dockerfileOverrides(t *bakedTarget) []string {
	replaced := slices.ContainsFunc(b.targets, func(other *bakedTarget) bool { return other.dockerfileCopy != "" })
	switch {
	case !replaced || t.target.Inline != "":
		return nil
	case t.dockerfileCopy != "":
		return []string{"--allow=fs.read=" + filepath.Dir(t.dockerfileCopy), t.set("dockerfile", t.dockerfileCopy)}
	}
	return []string{t.set("dockerfile", t.target.Dockerfile)}
}

// exportLate repeats the build of targets on the same builder, which has every step, and exports only their caches.
func (b *bakeBuild) exportLate(ctx context.Context, targets []*bakedTarget, reason string) {
	if len(targets) == 0 {
		return
	}
	begin := time.Now()
	b.say("writing the cache of %s after all, %s", shorten(namesOf(targets)), reason)
	var arguments []string
	for _, t := range targets {
		t.plan = t.build.flags
		for _, argument := range b.overrides(t) {
			if !strings.HasPrefix(argument, "--set="+t.target.Name+".output=") {
				arguments = append(arguments, argument)
			}
		}
		arguments = append(arguments, "--set="+t.target.Name+".attest=type=provenance,disabled=true")
	}
	arguments = append(arguments, "--set=*.output=type=cacheonly")
	cmd := b.command(ctx, slices.Concat(b.bakeArguments(), b.bake.CacheOnlyFlags(), arguments, b.bake.PositionalOf(namesOf(targets))))
	graphs := progress.NewTargets(b.linkedNames(targets))
	_, stall, err := b.watchCall(ctx, cmd, display.Quiet, progress.NewGraph(), graphs)
	for _, t := range targets {
		t.outcome.export = b.lateExport(graphs.Graph(t.target.Name).Export(), stall, err)
		t.outcome.exportSeconds += time.Since(begin).Seconds()
	}
}

// linkedNames returns the names of the targets, and of those that they take as a context, in all steps.
func (b *bakeBuild) linkedNames(targets []*bakedTarget) []string {
	var found []string
	var add func(t *bakedTarget)
	add = func(t *bakedTarget) {
		if slices.Contains(found, t.target.Name) {
			return
		}
		found = append(found, t.target.Name)
		for _, context := range t.target.Contexts {
			for _, other := range b.targets {
				if context == "target:"+other.target.Name {
					add(other)
				}
			}
		}
	}
	for _, t := range targets {
		add(t)
	}
	return found
}

// exportAfterThrottling is build.exportAfterThrottling for all targets.
func (b *bakeBuild) exportAfterThrottling(ctx context.Context, code int) {
	for code == 0 && b.budget.left() > 0 {
		var throttled []*bakedTarget
		for _, t := range b.targets {
			if errortext.IsThrottled(t.outcome.export.Error) {
				throttled = append(throttled, t)
			}
		}
		if len(throttled) == 0 || !b.awaitRegistry(ctx, throttled[0].outcome.export.Error) {
			return
		}
		b.exportLate(ctx, throttled, "because a registry throttled it")
	}
}

// check passes a call that builds nothing on to buildx unchanged.
func (b *bakeBuild) check(ctx context.Context) (outcome, error) {
	code, err := b.passOn(ctx, slices.Concat([]string{"bake"}, b.onBuilder(), b.bake.All))
	for _, t := range b.targets {
		t.outcome = outcome{graph: progress.NewGraph(), exitCode: code}
	}
	return outcome{graph: progress.NewGraph(), exitCode: code}, err
}

// readBakeMetadata returns the images of the targets in buildx's metadata file.
func readBakeMetadata(path string) map[string]builtImage {
	var all map[string]json.RawMessage
	if json.Unmarshal(readMetadataFile(path), &all) != nil {
		return nil
	}
	images := map[string]builtImage{}
	for name, target := range all {
		images[name] = imageIn(target)
	}
	return images
}
