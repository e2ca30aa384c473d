package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// tables returns the tables of docs/evidence/scale.md by the names of their markers.
func tables(seed uint64) map[string]string {
	var totals, mounted []fleetTotals
	for _, f := range fleets {
		totals = append(totals, simulateFleet(seed, f, nil, perBuild))
		mounted = append(mounted, simulateFleet(seed, f, goMounts, withMounts()))
	}
	return map[string]string{
		"requests": requestsTable(kinds, perBuild, actions), "rates": ratesTable(totals), "storage": storageTable(seed), "fleets": fleetsTable(totals),
		"policies":       policyTable(replayPolicies(seed)),
		"mount requests": requestsTable(mountKinds(), ofMounts, actions[1:]), "mount fleets": mountsTable(mounted),
	}
}

func table(rows ...[]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|---:", len(row)-1) + "|\n")
		}
	}
	return b.String()
}

func requestsTable(kinds []kind, sent map[kind]requests, actions []action) string {
	rows := [][]string{{"build", "what changed"}}
	for _, a := range actions {
		rows[0] = append(rows[0], string(a))
	}
	for _, k := range kinds {
		row := []string{string(k.scope), string(k.change)}
		for _, a := range actions {
			row = append(row, strconv.Itoa(sent[k][a]))
		}
		rows = append(rows, row)
	}
	return table(rows...)
}

// mountKinds returns the kinds of builds in which steps with cache mounts run.
func mountKinds() []kind {
	return slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return ofMounts[k] == nil })
}

func ratesTable(totals []fleetTotals) string {
	rows := [][]string{{"requests per second"}}
	for _, t := range totals {
		rows[0] = append(rows[0], number(float64(t.buildsPerDay))+" builds a day: busiest minute", "busiest second")
	}
	rows[0] = append(rows[0], "quota")
	for _, a := range actions {
		row := []string{string(a)}
		for _, t := range totals {
			row = append(row, marked(t.minute[a], quota[a]), marked(t.second[a], quota[a]))
		}
		rows = append(rows, append(row, number(quota[a])))
	}
	return table(rows...)
}

// marked formats a value, in bold if it is above the quota.
func marked(value, quota float64) string {
	if value > quota {
		return "**" + number(value) + "**"
	}
	return number(value)
}

func storageTable(seed uint64) string {
	rows := [][]string{{"cache of one app", "builds a day", "stored, mean", "stored, maximum", "USD per month", "images"}}
	for _, s := range sizes {
		for _, perDay := range []float64{1, 10, 100} {
			t := simulateApps(rand.New(rand.NewPCG(seed, uint64(perDay))), usual, maxSimulated, perDay, s, nil, defaultRules)
			rows = append(rows, []string{
				fmt.Sprintf("%s: %s + %s + %s", s.name, size(float64(s.base)), size(float64(s.dependencies)), size(float64(s.source))),
				number(perDay), size(t.bytes), size(t.mostBytes), fmt.Sprintf("%.2f", t.bytes/1e9*usdPerGBMonth), number(t.images),
			})
		}
	}
	return table(rows...)
}

// fleetLine is a line of a table about fleets.
type fleetLine struct {
	title string
	value func(fleetTotals) string
}

var (
	storedLine = fleetLine{"stored", func(t fleetTotals) string { return size(t.bytes) }}
	usdLine    = fleetLine{"USD per month for storage", func(t fleetTotals) string { return number(t.storageUSD()) }}
	imagesLine = fleetLine{"images, if all are in one cache repository", func(t fleetTotals) string { return marked(t.images, imagesPerRepository) }}
	shortLine  = fleetLine{"the same, with caches kept for 7 days and records for 14", func(t fleetTotals) string { return marked(t.imagesShort, imagesPerRepository) }}
	splitLine  = fleetLine{"cache repositories needed, with the default rules and with those", func(t fleetTotals) string {
		return fmt.Sprintf("%d, %d", repositories(t.images), repositories(t.imagesShort))
	}}
	placesLine = fleetLine{"accounts or regions needed with the default quotas", func(t fleetTotals) string { return strconv.Itoa(t.places()) }}
)

func fleetsTable(totals []fleetTotals) string {
	return tableOfFleets(totals,
		fleetLine{"concurrent builds, maximum", func(t fleetTotals) string { return number(float64(t.running)) }},
		fleetLine{"minutes saved per month", func(t fleetTotals) string { return number(t.savedMinutes) }},
		fleetLine{"USD saved per month", func(t fleetTotals) string { return number(t.savedUSD()) }},
		storedLine, usdLine, imagesLine, shortLine, splitLine, placesLine)
}

func mountsTable(totals []fleetTotals) string {
	return tableOfFleets(totals,
		fleetLine{"PutImage per second in the busiest minute", func(t fleetTotals) string { return marked(t.minute[putImage], quota[putImage]) }},
		storedLine, usdLine, imagesLine, shortLine, splitLine, placesLine)
}

func tableOfFleets(totals []fleetTotals, lines ...fleetLine) string {
	rows := [][]string{{""}}
	for _, t := range totals {
		rows[0] = append(rows[0], fmt.Sprintf("%s builds a day, %s", number(float64(t.buildsPerDay)), plural(t.apps, "app")))
	}
	for _, line := range lines {
		row := []string{line.title}
		for _, t := range totals {
			row = append(row, line.value(t))
		}
		rows = append(rows, row)
	}
	return table(rows...)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return number(float64(n)) + " " + word + "s"
}

// number formats n with three significant digits and thousands separators.
func number(n float64) string {
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	switch {
	case n == 0 || n >= 100:
	case n >= 10:
		digits = strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
	default:
		digits = strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(n, 'f', 2, 64), "0"), ".")
	}
	for i := len(digits) - 3; i > 0 && !strings.Contains(digits, "."); i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func size(bytes float64) string {
	switch {
	case bytes >= 1e12:
		return number(bytes/1e12) + " TB"
	case bytes >= 1e9:
		return number(bytes/1e9) + " GB"
	}
	return number(bytes/1e6) + " MB"
}
