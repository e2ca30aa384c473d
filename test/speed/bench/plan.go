package main

import (
	"fmt"
	"slices"

	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

// cell is a combination that is measured once per round.
type cell struct {
	Network  string `json:"network"`
	Workload string `json:"workload"`
	Phase    string `json:"phase"`
	Flow     string `json:"flow"`
}

// part is a product of workloads, phases, flows and networks.
type part struct{ workloads, phases, flows, networks []string }

// every stands for all keys.
var every []string

// planned is the default plan. It covers the published flows where they differ, and the rest only where there
// is something to learn, because all combinations would take a day.
func planned() []part {
	loopback, both := []string{loopbackKey}, []string{loopbackKey, distantKey}
	mounting := []string{loopbackKey, mountsKey}
	caches := []string{flow.None, flow.OwnTag, flow.Peer, flow.ByHandGzip, flow.ByHand, flow.Layercache}
	real := append([]string{flow.Pull, flow.Walkthrough}, caches...)
	return []part{
		{[]string{"line"}, []string{cold, unchanged}, flow.OfLayers(), both},
		{[]string{"app"}, []string{cold, unchanged, source}, flow.OfLayers(), both},
		{[]string{"app"}, []string{cold, unchanged, source}, flow.OfDocker(), loopback},
		{[]string{"line", "app"}, []string{unchanged}, []string{flow.ByHand, flow.Layercache}, []string{ecrKey}},
		{[]string{"app"}, []string{dependency, base, branch}, []string{flow.Pull, flow.OwnTag, flow.Peer, flow.ByHand, flow.Layercache}, loopback},
		{[]string{"app"}, []string{sourceLinked}, []string{flow.OwnTag, flow.Peer, flow.ByHand, flow.Layercache}, loopback},
		{[]string{"app"}, []string{baseLinked}, []string{flow.OwnTag, flow.Peer, flow.ByHand, flow.Layercache}, mounting},
		{[]string{"go", "node"}, []string{cold, unchanged, source, dependency}, real, loopback},
		{[]string{"wide"}, []string{cold, unchanged, source}, caches, loopback},
		{[]string{"wide-50", "wide-100", "wide-400"}, []string{unchanged}, []string{flow.ByHand, flow.Layercache}, loopback},
		{workload.Mounted(), []string{cold, unchanged, source, dependency}, flow.OfMounts(), loopback},
		{[]string{"large"}, []string{cold, unchanged, source}, []string{flow.None, flow.OwnTag, flow.Peer, flow.ByHand, flow.Layercache}, loopback},
	}
}

// choice narrows the plan; an empty list does not restrict it.
type choice struct {
	workloads, phases, flows, networks []string
	// all selects every combination instead of the plan's.
	all bool
}

// leftOut is a cell that was requested but cannot be measured.
type leftOut struct {
	cell
	Why string `json:"why"`
}

// cells returns the cells to measure, and those that cannot be measured.
func cells(c choice) (chosen []cell, left []leftOut, err error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	parts := planned()
	if c.all {
		parts = []part{{every, every, every, every}}
	}
	for _, p := range parts {
		for _, one := range p.product() {
			if !c.has(one) || slices.Contains(chosen, one) {
				continue
			}
			why, err := impossible(one)
			if err != nil {
				return nil, nil, err
			}
			if why != "" {
				if !slices.Contains(left, leftOut{one, why}) {
					left = append(left, leftOut{one, why})
				}
				continue
			}
			chosen = append(chosen, one)
		}
	}
	if len(chosen)+len(left) == 0 {
		return nil, nil, fmt.Errorf("bench: the plan has nothing for this choice; -all runs every combination")
	}
	return chosen, left, nil
}

func (p part) product() []cell {
	or := func(some, all []string) []string {
		if some == nil {
			return all
		}
		return some
	}
	var product []cell
	for _, network := range or(p.networks, networkKeys()) {
		for _, w := range or(p.workloads, workloadKeys()) {
			for _, phase := range or(p.phases, phaseKeys()) {
				for _, f := range or(p.flows, flowKeys()) {
					product = append(product, cell{network, w, phase, f})
				}
			}
		}
	}
	return product
}

// impossible returns why a cell cannot be measured, or "" if it can.
func impossible(c cell) (string, error) {
	f, err := flow.Named(c.Flow)
	if err != nil {
		return "", err
	}
	w, err := workload.Named(c.Workload)
	if err != nil {
		return "", err
	}
	switch {
	case c.Network == ecrKey && (f.Key != flow.ByHand && f.Key != flow.Layercache || c.Phase != unchanged):
		return "the registry with a sign-in cannot be restored between builds, and only by-hand and layercache sign in", nil
	case f.Warm && c.Phase == cold:
		return "a builder that lives on is not cold", nil
	case f.Warm && slices.Contains([]string{sourceLinked, base, baseLinked, branch}, c.Phase):
		return "a builder that lives on is measured with changes of the context only", nil
	case (c.Phase == sourceLinked || c.Phase == baseLinked) && f.Classic:
		return "docker's classic builder does not support COPY --link", nil
	case w.Proof == "" && w.Key == "line" && slices.Contains([]string{source, sourceLinked, dependency, baseLinked}, c.Phase):
		return "the Dockerfile of one line has no source, no dependency and no COPY", nil
	}
	return "", nil
}

func (c choice) has(one cell) bool {
	in := func(list []string, key string) bool { return len(list) == 0 || slices.Contains(list, key) }
	return in(c.workloads, one.Workload) && in(c.phases, one.Phase) && in(c.flows, one.Flow) && in(c.networks, one.Network)
}

// check returns an error for unknown names.
func (c choice) check() error {
	for what, lists := range map[string][2][]string{
		"workload": {c.workloads, workloadKeys()}, "phase": {c.phases, phaseKeys()},
		"flow": {c.flows, flowKeys()}, "network": {c.networks, networkKeys()},
	} {
		for _, key := range lists[0] {
			if !slices.Contains(lists[1], key) {
				return fmt.Errorf("bench: unknown %s %q: use one of %v", what, key, lists[1])
			}
		}
	}
	return nil
}

func workloadKeys() (keys []string) {
	for _, w := range workload.All() {
		keys = append(keys, w.Key)
	}
	return keys
}

func phaseKeys() (keys []string) {
	for _, p := range phases() {
		keys = append(keys, p.key)
	}
	return keys
}

func flowKeys() (keys []string) {
	for _, f := range flow.All() {
		keys = append(keys, f.Key)
	}
	return keys
}

func networkKeys() []string { return []string{loopbackKey, distantKey, mountsKey, ecrKey} }
