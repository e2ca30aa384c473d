package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/bundle"
	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/registry"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

// session is a run of the benchmark.
type session struct {
	*site
	options
	w       io.Writer
	order   *rand.Rand
	seeds   map[seed]*registry.Snapshot
	results *results
	builds  int
}

// measure runs the benchmark.
func measure(ctx context.Context, o options, args []string, w io.Writer) (*results, error) {
	root, err := bundle.SourceDir(ctx)
	if err != nil {
		return nil, err
	}
	chosen, _, err := cells(o.choice)
	if err != nil {
		return nil, err
	}
	if o.runs == 0 {
		chosen = nil
	}
	shared, err := open(ctx, o, chosen, w)
	if err != nil {
		return nil, err
	}
	s := &session{site: shared, options: o, w: w, order: rand.New(rand.NewPCG(o.seed, 0)), results: &results{
		Runs:  []provenance{{Machine: describe(ctx), Disk: shared.disk, Commit: commit(ctx, root), Command: args, Seed: o.seed, Started: time.Now().UTC()}},
		Bases: shared.origins,
	}}
	err = s.measureAll(ctx)
	if closing := shared.close(); err == nil {
		err = closing
	}
	return s.results, err
}

func (s *session) measureAll(ctx context.Context) error {
	chosen, left, err := cells(s.choice)
	if err != nil {
		return err
	}
	if s.runs == 0 {
		chosen, left = nil, nil
	}
	s.results.LeftOut = left
	if s.results.ZipBytes, err = zipSizes(ctx); err != nil {
		return err
	}
	fmt.Fprintf(s.w, "seed %d; %d cells, %d of them left out; %d rounds\n", s.seed, len(chosen)+len(left), len(left), s.runs)
	for _, group := range groups(chosen) {
		if err := s.measureGroup(ctx, group); err != nil {
			return err
		}
	}
	if s.synth {
		if s.results.Synth, err = measureSynth(ctx); err != nil {
			return err
		}
	}
	if failed := len(s.results.Failures); failed > 0 {
		return errors.Join(s.save(), fmt.Errorf("bench: %d builds failed: see %s", failed, s.json))
	}
	return s.save()
}

// groups returns the cells grouped by workload and network: the figures of a group are compared, so it is
// measured without interruption.
func groups(chosen []cell) [][]cell {
	var order []string
	byKey := map[string][]cell{}
	for _, c := range chosen {
		letter := c.Workload
		if work, err := workload.Named(c.Workload); err == nil {
			letter = work.Letter
		}
		key := c.Network + " " + letter
		if byKey[key] == nil {
			order = append(order, key)
		}
		byKey[key] = append(byKey[key], c)
	}
	var all [][]cell
	for _, key := range order {
		all = append(all, byKey[key])
	}
	return all
}

// measureGroup builds each cell of a group once per round, in a random order. Before that come the cold
// builds that the other phases start from; where cold builds are measured, they count as the first round.
func (s *session) measureGroup(ctx context.Context, group []cell) error {
	defer s.forget()
	s.seeds = map[seed]*registry.Snapshot{}
	wanted, err := seedsOf(group)
	if err != nil {
		return err
	}
	s.order.Shuffle(len(wanted), func(i, j int) { wanted[i], wanted[j] = wanted[j], wanted[i] })
	for _, one := range wanted {
		m, err := s.sow(ctx, one)
		if err != nil {
			if err := s.failed(ctx, one.cell, 1, err); err != nil {
				return err
			}
			continue
		}
		if slices.Contains(group, one.cell) && !one.linked {
			if err := s.record(m, 1); err != nil {
				return err
			}
		}
	}
	for round := 1; round <= s.runs; round++ {
		s.order.Shuffle(len(group), func(i, j int) { group[i], group[j] = group[j], group[i] })
		for _, c := range group {
			if c.Phase == cold && round == 1 && slices.Contains(wanted, seed{c, false}) {
				continue
			}
			if err := s.once(ctx, c, round); err != nil {
				if err := s.failed(ctx, c, round, err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// seedsOf returns the cold builds that cells of other phases need.
func seedsOf(group []cell) ([]seed, error) {
	var wanted []seed
	for _, c := range group {
		one, err := seedOf(c)
		if err != nil {
			return nil, err
		}
		if c.Phase != cold && !warm(c) && !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	return wanted, nil
}

// sow runs a cold build and keeps a snapshot of its repositories.
func (s *session) sow(ctx context.Context, one seed) (measurement, error) {
	repositories := repositoriesOf(one)
	if err := s.registry.Clear(ctx, repositories...); err != nil {
		return measurement{}, err
	}
	m, err := s.build(ctx, one.cell, one.linked, "")
	if err != nil {
		return m, err
	}
	s.seeds[one], err = s.registry.Keep(ctx, repositories...)
	return m, err
}

func repositoriesOf(one seed) []string {
	return []string{one.repository(), one.repository() + "-cache"}
}

// once measures a cell.
func (s *session) once(ctx context.Context, c cell, round int) error {
	one, err := seedOf(c)
	if err != nil {
		return err
	}
	switch {
	case c.Phase == cold || warm(c):
		err = s.registry.Clear(ctx, repositoriesOf(one)...)
	case s.seeds[one] == nil:
		err = errNoSeed
	default:
		err = s.registry.Restore(ctx, s.seeds[one])
	}
	if err != nil {
		return err
	}
	s.builds++
	m, err := s.build(ctx, c, one.linked, fmt.Sprintf("revision-%d-%d", s.seed, s.builds))
	if err != nil {
		return err
	}
	return s.record(m, round)
}

// warm reports whether the cell's flow builds the first revision itself.
func warm(c cell) bool {
	f, err := flow.Named(c.Flow)
	return err == nil && f.Warm
}

// errNoSeed is the error of a build whose cold build failed.
var errNoSeed = errors.New("bench: the cold build that it starts from failed")

// failed records a failed build. The benchmark continues, unless it was interrupted, and returns an error
// after the last build.
func (s *session) failed(ctx context.Context, c cell, round int, err error) error {
	if ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(s.w, "%-8s %-8s %-10s %-18s round %d FAILED\n%v\n", c.Network, c.Workload, c.Phase, c.Flow, round, err)
	s.results.Failures = append(s.results.Failures, failure{cell: c, Round: round, Error: err.Error()})
	return s.save()
}

// record saves a measurement.
func (s *session) record(m measurement, round int) error {
	m.Round = round
	s.results.Measurements = append(s.results.Measurements, m)
	fmt.Fprintf(s.w, "%-8s %-8s %-10s %-18s round %d %8.2f s  %s\n", m.Network, m.Workload, m.Phase, m.Flow, round, m.Seconds, m.Verdict)
	return s.save()
}

func (s *session) save() error {
	s.results.Runs[0].Finished = time.Now().UTC()
	return s.results.write(s.json)
}

// forget removes the snapshots of a group and everything that its builds wrote.
func (s *session) forget() {
	for one, snapshot := range s.seeds {
		_ = s.registry.Clear(context.Background(), repositoriesOf(one)...)
		if snapshot != nil {
			_ = snapshot.Remove()
		}
	}
}
