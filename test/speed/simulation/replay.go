package main

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/layercache/layercache/internal/policy"
)

// The speed of the simulated machine: BuildKit compresses the layers that only the cache has, and unpacks those that a
// step needs. Bytes are compressed. latency is that of the requests of an import or an export. Measured on a machine with
// 2 cores: 220 MB of gzip were unpacked in 3.3 s.
const (
	compressBytes = 50e6
	unpackBytes   = 70e6
	latency       = 0.4
	// constant is what each build takes besides: the start of the builder, the requests of the push.
	constant = 1.5
)

// The noise of a build: the standard deviation of the logarithm of the time of a step, and of the speed of the network.
const (
	stepNoise    = 0.1
	networkNoise = 0.2
)

// The shares of commits that change the Dockerfile, and a base image.
const (
	dockerfileShare = 0.02
	baseShare       = 0.02
)

// commit is what one commit changes in a simulated image, and when it is built, in days.
type commit struct {
	number int
	day    float64
	// counts are how often each input has changed so far.
	counts map[input]int
}

// commitsOf draws the commits of a history.
func commitsOf(random *rand.Rand, count int, perDay float64) []commit {
	commits := make([]commit, count)
	counts, day := map[input]int{}, 0.0
	for i := range commits {
		if i > 0 {
			switch x := random.Float64(); {
			case x < dockerfileShare:
				counts[onDockerfile]++
			case x < dockerfileShare+baseShare:
				counts[onBase]++
			default:
				counts[inputOf[usual.changeOf(random)]]++
			}
			day += random.ExpFloat64() / perDay
		}
		counts[onCommit]++
		commits[i] = commit{i, day, maps.Clone(counts)}
	}
	return commits
}

// replay is the history of one image with one way to use its cache. It does as BuildKit and the helper do: a cached step
// is fetched when a step that stands on it runs, an export sends the layers that the registry does not have.
type replay struct {
	image   image
	network float64
	seed    uint64
	// fixed is the choice of all builds; empty if the policy chooses.
	fixed   policy.Choice
	history policy.History
	// cache has the layers at the cache's ref, writer is the choice of the build that wrote them; empty if there is none.
	cache  []uint64
	writer policy.Choice
	// replaced are caches that were replaced less than a day ago. caches counts the caches that have a layer, bytes are
	// those of all layers.
	replaced []replacedCache
	caches   map[uint64]int
	bytes    float64
	// pushed are the base images in the image's repository.
	pushed map[uint64]bool
	// last are the keys of the steps in the last build; nil before the first.
	last []uint64
	// ran, fetched and pulled are what the record has of each step.
	ran, fetched, pulled map[int]float64
	totals
}

// totals are the results of a replay.
type totals struct {
	seconds float64
	// byteDays is the integral of the stored bytes over the days up to today.
	byteDays, today float64
	chosen          map[policy.Choice]int
}

type replacedCache struct {
	day    float64
	layers []uint64
}

func newReplay(i image, network float64, seed uint64, fixed policy.Choice) *replay {
	return &replay{
		image: i, network: network, seed: seed, fixed: fixed, pushed: map[uint64]bool{}, caches: map[uint64]int{},
		ran: map[int]float64{}, fetched: map[int]float64{}, pulled: map[int]float64{}, totals: totals{chosen: map[policy.Choice]int{}},
	}
}

// replayAll returns the results of the commits.
func (r *replay) replayAll(commits []commit) totals {
	for _, c := range commits {
		r.build(c)
	}
	return r.totals
}

// mix returns a number that depends on all parts.
func mix(parts ...int) uint64 {
	hash := uint64(14695981039346656037)
	for _, part := range parts {
		hash = (hash ^ uint64(part)) * 1099511628211
		hash ^= hash >> 29
	}
	return hash
}

// The subjects of random numbers.
const (
	ofDockerfile = iota
	ofNetwork
	ofStep
)

// random returns random numbers that do not depend on the choices.
func (r *replay) random(subject, number int) *rand.Rand {
	return rand.New(rand.NewPCG(r.seed, mix(subject, number, len(r.image.name), int(r.network))))
}

func noise(random *rand.Rand, deviation float64) float64 {
	return math.Exp(random.NormFloat64() * deviation)
}

// keys returns the key of each step: all that its result depends on. The number of a step is the lowest byte of its key. A
// change of the Dockerfile changes one step.
func (r *replay) keys(c commit) []uint64 {
	edited := map[int]int{}
	for change := range c.counts[onDockerfile] {
		edited[r.random(ofDockerfile, change).IntN(len(r.image.steps))]++
	}
	keys := make([]uint64, len(r.image.steps))
	for i, step := range r.image.steps {
		key := mix(edited[i], c.counts[step.reads])
		for _, input := range step.inputs {
			key = mix(int(key), int(keys[input]))
		}
		keys[i] = key<<8 | uint64(i)
	}
	return keys
}

// build builds a commit.
func (r *replay) build(c commit) {
	r.keep(c.day)
	keys, dockerfile := r.keys(c), fmt.Sprint(c.counts[onDockerfile])
	decision := policy.Decision{Choice: r.fixed}
	if r.fixed == "" {
		decision = r.history.Choose(policy.Now{Dockerfile: dockerfile, Usual: policy.All})
	}
	r.chosen[decision.Choice]++
	off := decision.Choice == policy.None
	cached := r.cachedWith(decision.Choice, keys)
	speed := r.network * noise(r.random(ofNetwork, c.number), networkNoise)
	runs := r.image.runs(cached)
	times := r.times(c, runs, speed)
	o := policy.Observation{
		Decision: decision, Dockerfile: dockerfile, KeptKnown: r.last != nil,
		First: !off && (r.writer == "" || r.writer == policy.Final && decision.Choice == policy.All),
		Steps: r.observe(keys, decision.Choice, cached, times),
	}
	if !off {
		if r.writer != "" {
			o.Import = latency
		}
		o.Export = r.export(c.day, keys, decision.Choice, runs, speed)
	} else if r.fixed == "" && !decision.Trial {
		r.replace(c.day, nil, "")
	}
	o.Push = r.push(keys, runs, speed)
	r.seconds += constant + r.image.longestChain(times) + o.Import + o.Export + o.Push
	r.history, r.last = r.history.Add(o.Build()), keys
}

// cachedWith returns a function that reports whether a step comes from the cache.
func (r *replay) cachedWith(choice policy.Choice, keys []uint64) func(int) bool {
	return func(i int) bool {
		return choice != policy.None && !r.image.steps[i].base && slices.Contains(r.cache, keys[i])
	}
}

// times returns how long each step takes: its run, or the fetch of its layer.
func (r *replay) times(c commit, runs []bool, speed float64) []float64 {
	unpacked := r.image.unpacked(runs)
	times := make([]float64, len(runs))
	for i, step := range r.image.steps {
		fetch := step.bytes/speed + step.bytes/unpackBytes
		switch {
		case runs[i]:
			times[i] = step.seconds * noise(r.random(ofStep, c.number*len(runs)+i), stepNoise)
			r.ran[i] = times[i]
		case unpacked[i] && step.base:
			times[i] = fetch
			r.pulled[i] = fetch
		case unpacked[i]:
			times[i] = fetch
			r.fetched[i] = fetch
		}
	}
	return times
}

// observe returns what the helper knows of the steps after the build. Of a step that it did not look for in a cache, it
// compares the inputs with those of the last build.
func (r *replay) observe(keys []uint64, choice policy.Choice, cached func(int) bool, times []float64) []policy.Step {
	steps := make([]policy.Step, len(keys))
	for i, step := range r.image.steps {
		s := policy.Step{Inputs: step.inputs, Base: step.base, Last: step.final, Kept: cached(i), Seconds: times[i], Fetch: r.fetched[i]}
		if (choice == policy.None || choice == policy.Final && !step.final) && r.last != nil {
			s.Kept = r.last[i] == keys[i]
		}
		if ran, known := r.ran[i]; known {
			s.Run = &ran
		}
		if step.base {
			pulled := r.pulled[i]
			s.Run = &pulled
		}
		steps[i] = s
	}
	return steps
}

// export writes the cache and returns how long that takes. Layers that the registry has are not sent, and those that the
// image does not have are compressed. With the last stage's layers, BuildKit keeps those of other stages that it
// imported. A build in which no step ran, and which wrote the cache itself, skips the export.
func (r *replay) export(day float64, keys []uint64, choice policy.Choice, runs []bool, speed float64) float64 {
	if !slices.Contains(runs, true) && r.writer == choice {
		return 0
	}
	seconds, next := latency, []uint64(nil)
	for i, step := range r.image.steps {
		if choice == policy.Final && !step.final && !slices.Contains(r.cache, keys[i]) {
			continue
		}
		next = append(next, keys[i])
		if r.caches[keys[i]] > 0 {
			continue
		}
		seconds += step.bytes / speed
		if !step.final && !step.base {
			seconds += step.bytes / compressBytes
		}
	}
	r.replace(day, next, choice)
	return seconds
}

// push returns how long the push of the image takes. A layer that was made again has other bytes, and is compressed and
// sent again; those that came from the cache, and base images, were sent before.
func (r *replay) push(keys []uint64, runs []bool, speed float64) float64 {
	var seconds float64
	for i, step := range r.image.steps {
		switch {
		case !step.final:
		case runs[i]:
			seconds += step.bytes/speed + step.bytes/compressBytes
		case step.base && !r.pushed[keys[i]]:
			r.pushed[keys[i]] = true
			seconds += step.bytes / speed
		}
	}
	return seconds
}

// replace replaces the cache at the ref.
func (r *replay) replace(day float64, next []uint64, writer policy.Choice) {
	r.count(next, 1)
	r.replaced = append(r.replaced, replacedCache{day, r.cache})
	r.cache, r.writer = next, writer
}

// count adds to the number of caches that have the layers.
func (r *replay) count(layers []uint64, added int) {
	for _, key := range layers {
		before := r.caches[key]
		r.caches[key] += added
		switch {
		case before == 0:
			r.bytes += r.image.steps[key&0xff].bytes
		case before+added == 0:
			r.bytes -= r.image.steps[key&0xff].bytes
		}
	}
}

// keep adds what was stored up to the day. Replaced caches expire after a day.
func (r *replay) keep(day float64) {
	r.byteDays += r.bytes * (day - r.today)
	r.today = day
	for len(r.replaced) > 0 && day-r.replaced[0].day > defaultRules.untagged {
		r.count(r.replaced[0].layers, -1)
		r.replaced = r.replaced[1:]
	}
}
