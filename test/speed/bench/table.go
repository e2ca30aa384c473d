package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/layercache/layercache/test/speed/bench/flow"
	"github.com/layercache/layercache/test/speed/bench/registry"
	"github.com/layercache/layercache/test/speed/bench/workload"
)

// networkNames returns descriptions of the networks.
func networkNames() map[string]string {
	return map[string]string{
		loopbackKey: "registry on loopback",
		distantKey:  "registry behind a network of 2 ms round trip and 1 Gbit/s",
		mountsKey:   "registry on loopback that mounts layers from other repositories, as ECR does if the account turns it on",
		ecrKey:      "image and cache on loopback with ECR's host name, TLS and a sign-in",
	}
}

// table is a Markdown table; its first row is the header.
type table [][]string

func (t table) write(w io.Writer) {
	for i, row := range t {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
	fmt.Fprintln(w)
}

// printTables writes every table: durations by workload and network, those of later runs, other figures, and
// the targets.
func printTables(w io.Writer, all *results) {
	sheets := all.sheets()
	r := sheets[0]
	printTimes(w, r, "")
	for _, again := range sheets[1:] {
		printTimes(w, again, "Another run: ")
	}
	others := []struct {
		head string
		t    table
	}{
		{"Data transferred in (b), registry on loopback\n\nMedians of the megabytes that the registry sent (down) and received (up).", moved(r)},
		{"(b) Published buildspecs, and the same with layercache's line, registry on loopback\n\nMedian seconds, and what is left with the line.", inPlace(r)},
		{"What layercache keeps of cache mounts, registry on loopback\n\nMedians of the megabytes in the registry after the build, of those that the build " +
			"uploaded, and of the requests for them.", kept(r)},
		{"What the cache adds to (a)\n\nMedian seconds of the builder's start, and the time that the cache's import and export add.", added(r)},
		{"The helper and the synth", rest(r)},
		{"Targets of the project\n\nCalculated from medians, registry on loopback.", aims(r)},
	}
	for _, other := range others {
		if len(other.t) > 1 {
			fmt.Fprintf(w, "### %s\n\n", other.head)
			other.t.write(w)
		}
	}
}

// printTimes writes a table of seconds for each workload and network.
func printTimes(w io.Writer, r *results, which string) {
	for _, network := range networkKeys() {
		for _, work := range workload.All() {
			if t := times(r, network, work.Key); len(t) > 1 {
				fmt.Fprintf(w, "### %s(%s) %s: %s\n\nSeconds: the median (minimum to maximum) of %s, and the median as a multiple of layercache's.\n\n",
					which, work.Letter, work.What, networkNames()[network], runsText(r, network, work.Key))
				t.write(w)
			}
		}
	}
}

// times returns a table with a row for each flow and a column for each measured phase.
func times(r *results, network, work string) table {
	measured := phasesOf(r, network, work)
	head := []string{"flow"}
	for _, p := range measured {
		head = append(head, p.name)
	}
	t := table{head}
	for _, f := range flow.All() {
		row := []string{f.Name}
		any := false
		for _, p := range measured {
			c := cell{network, work, p.key, f.Key}
			s := r.seconds(c)
			any = any || s.n > 0
			row = append(row, timeText(s, r.seconds(cell{network, work, p.key, flow.Layercache}), f.Key == flow.Layercache))
		}
		if any {
			t = append(t, row)
		}
	}
	return t
}

func phasesOf(r *results, network, work string) []phase {
	return slices.DeleteFunc(phases(), func(p phase) bool {
		return !slices.ContainsFunc(r.Measurements, func(m measurement) bool {
			return m.Network == network && m.Workload == work && m.Phase == p.key
		})
	})
}

// runsText returns how often the cells of a table were measured, optionally only those of some phases.
func runsText(r *results, network, work string, phases ...string) string {
	counts := map[cell]int{}
	for _, m := range r.Measurements {
		if m.Network == network && m.Workload == work && (phases == nil || slices.Contains(phases, m.Phase)) {
			counts[m.cell]++
		}
	}
	if len(counts) == 0 {
		return "no run"
	}
	sorted := slices.Sorted(maps.Values(counts))
	least, most := sorted[0], sorted[len(sorted)-1]
	switch {
	case most == 1:
		return "one run"
	case least == most:
		return fmt.Sprintf("%d runs", most)
	}
	return fmt.Sprintf("%d to %d runs", least, most)
}

// timeText formats a cell; a cell that was not measured is a dash.
func timeText(s, mine spread, isMine bool) string {
	text, times := seconds(s.median), ""
	switch {
	case s.n == 0:
		return "–"
	case isMine:
		text = "**" + text + "**"
	default:
		times = " " + timesText(s, mine)
	}
	if s.n > 1 {
		text += fmt.Sprintf(" (%s to %s)", seconds(s.least), seconds(s.most))
	}
	return strings.TrimSpace(text + times)
}

func seconds(figure float64) string {
	if figure >= 9.95 {
		return fmt.Sprintf("%.1f", figure)
	}
	return fmt.Sprintf("%.2f", figure)
}

// timesText formats a median as a multiple of layercache's.
func timesText(s, mine spread) string {
	if mine.n == 0 || mine.median == 0 {
		return ""
	}
	return seconds(s.median/mine.median) + "×"
}

func moved(r *results) table {
	t := table{{"flow"}}
	measured := phasesOf(r, loopbackKey, "app")
	for _, p := range measured {
		t[0] = append(t[0], p.name)
	}
	for _, f := range flow.All() {
		if len(measured) == 0 {
			break
		}
		row := []string{f.Name}
		for _, p := range measured {
			c := cell{loopbackKey, "app", p.key, f.Key}
			sent := r.figures(c, func(m measurement) float64 { return float64(m.Traffic.Sent) })
			received := r.figures(c, func(m measurement) float64 { return float64(m.Traffic.Received) })
			if sent.n == 0 {
				row = append(row, "–")
				continue
			}
			row = append(row, fmt.Sprintf("%.0f down, %.0f up", sent.median/1e6, received.median/1e6))
		}
		t = append(t, row)
	}
	return t
}

// inPlace returns the times of published buildspecs as they are, and with layercache in the place of docker.
func inPlace(r *results) table {
	t := table{{"buildspec", "phase", "as it is", "with the line", "ratio"}}
	keys := flow.OfDocker()
	for i := 0; i < len(keys); i += 2 {
		f, err := flow.Named(keys[i])
		if err != nil {
			continue
		}
		for _, p := range phasesOf(r, loopbackKey, "app") {
			before, after := r.seconds(cell{loopbackKey, "app", p.key, keys[i]}), r.seconds(cell{loopbackKey, "app", p.key, keys[i+1]})
			if before.n > 0 && after.n > 0 {
				t = append(t, []string{f.Name, p.name, seconds(before.median), seconds(after.median), timesText(after, before)})
			}
		}
	}
	return t
}

// kept returns what layercache kept of the cache mounts of each workload.
func kept(r *results) table {
	t := table{{"workload", "phase", "kept", "uploaded", "requests"}}
	for _, key := range workload.Mounted() {
		for _, p := range phasesOf(r, loopbackKey, key) {
			figure := func(of func(registry.MountTraffic) float64) string {
				return fmt.Sprintf("%.1f", r.figures(cell{loopbackKey, key, p.key, flow.Layercache}, func(m measurement) float64 {
					if m.Mounts == nil {
						return 0
					}
					return of(*m.Mounts)
				}).median)
			}
			t = append(t, []string{
				"`" + key + "`", p.name,
				figure(func(m registry.MountTraffic) float64 { return megabytes(m.StoredBytes) }),
				figure(func(m registry.MountTraffic) float64 { return megabytes(m.UploadedBytes) }),
				strings.TrimSuffix(figure(func(m registry.MountTraffic) float64 { return float64(m.Requests) }), ".0"),
			})
		}
	}
	return t
}

func added(r *results) table {
	t := table{{"flow", "phase", "start", "import", "export", "total", "of layercache's"}}
	for _, key := range []string{flow.Walkthrough, flow.OwnTag, flow.Peer, flow.Layercache} {
		f, err := flow.Named(key)
		if err != nil {
			continue
		}
		for _, phase := range []string{cold, unchanged} {
			c := cell{loopbackKey, "line", phase, key}
			total := r.figures(c, addedTime)
			if total.n == 0 {
				continue
			}
			row := []string{f.Name, phase}
			for _, part := range []string{"boot", "import", "export"} {
				row = append(row, seconds(r.figures(c, func(m measurement) float64 { return m.Parts[part] }).median))
			}
			mine := r.figures(cell{loopbackKey, "line", phase, flow.Layercache}, addedTime)
			t = append(t, append(row, seconds(total.median), timesText(total, mine)))
		}
	}
	return t
}

// rest returns the table of figures that do not belong to a flow.
func rest(r *results) table {
	t := table{{"", ""}}
	for _, work := range workload.All() {
		var most int64
		for _, m := range r.Measurements {
			if m.Workload == work.Key {
				most = max(most, m.PeakBytes)
			}
		}
		if most > 0 {
			t = append(t, []string{fmt.Sprintf("peak memory of the helper's own process in any build of `%s`", work.Key), amount(megabytes(most), "MB")})
		}
	}
	for _, arch := range slices.Sorted(maps.Keys(r.ZipBytes)) {
		t = append(t, []string{"the helper's zip (helper and buildkitd) for " + arch, amount(megabytes(r.ZipBytes[arch]), "MB")})
	}
	if s := r.Synth; s != nil {
		t = append(t,
			[]string{fmt.Sprintf("`cdk synth` of %d builds in Go, without the compile, median of %d", s.Builds, s.Runs), amount(s.Go, "s")},
			[]string{"the same templates from an app in JavaScript with the CDK's own constructs", amount(s.JavaScript, "s")},
		)
	}
	return t
}

func aims(r *results) table {
	t := table{{"", "at most", "measured", ""}}
	for _, v := range judge(r) {
		t = append(t, []string{v.what, amount(v.most, v.unit), v.figureText(), v.answer()})
	}
	return t
}
