package main

import (
	"math"
	"math/rand/v2"
)

// The sizes of caches. "app" is the workload of test/speed/bench: a base image of 220 MB and 100 MB of
// dependencies, counted as if they did not compress. "large" is its image of 2 GB. The sizes of source
// layers, and "small", are assumptions.
var sizes = []layers{
	{"small", 30e6, 20e6, 1e6},
	{"app", 220e6, 100e6, 5e6},
	{"large", 1000e6, 900e6, 100e6},
}

var appSizes = sizes[1]

// Durations of builds of "app" in seconds: medians from docs/evidence/benchmark.json on loopback, of the
// first run that measured them. withoutCache is a build without a cache, which runs every step. A change of
// dependencies counts as a first build.
var (
	withCache    = durations{everything: 14.82, nothing: 0.32, source: 3.95, dependencies: 14.82}
	withoutCache = 14.22
)

// fleet is the builds of an organization.
type fleet struct {
	buildsPerDay, apps int
}

var fleets = []fleet{{10, 1}, {1_000, 100}, {100_000, 1_000}}

// most is the number of apps that are simulated individually; in a larger fleet each stands for several.
const maxSimulated = 50

// fleetTotals are the results for a fleet.
type fleetTotals struct {
	fleet
	traffic
	// bytes and images are the content of one cache repository that all apps share; imagesShort is images
	// with shortRules.
	bytes, images, imagesShort float64
	// savedMinutes are the minutes saved per month.
	savedMinutes float64
}

// simulateFleet simulates apps with the given cache mounts, whose builds send the given requests.
func simulateFleet(seed uint64, f fleet, mounts []mount, sent map[kind]requests) fleetTotals {
	random := rand.New(rand.NewPCG(seed, uint64(f.buildsPerDay)))
	apps, perDay := min(f.apps, maxSimulated), float64(f.buildsPerDay)/float64(f.apps)
	perApp := simulateApps(random, usual, apps, perDay, appSizes, mounts, defaultRules)
	short := simulateApps(random, usual, apps, perDay, appSizes, mounts, shortRules)
	t := fleetTotals{
		fleet: f, bytes: perApp.bytes * float64(f.apps), images: perApp.images * float64(f.apps), imagesShort: short.images * float64(f.apps),
	}
	t.traffic = simulateDay(random, f.buildsPerDay, perApp.share, sent, appSizes, withCache)
	for _, k := range kinds {
		t.savedMinutes += perApp.share[k] * (withoutCache - withCache[k.change]) / 60 * float64(f.buildsPerDay) * counted
	}
	return t
}

func (t fleetTotals) storageUSD() float64 { return t.bytes / 1e9 * usdPerGBMonth }

func (t fleetTotals) savedUSD() float64 { return t.savedMinutes * usdPerMinute }

// repositories returns how many cache repositories are needed to keep each below three quarters of the quota
// of images.
func repositories(images float64) int { return int(math.Ceil(images / (0.75 * imagesPerRepository))) }

// places returns how many accounts or regions are needed to stay below three quarters of each quota in the
// busiest minute. Peaks of a single second are ignored, because clients retry.
func (t fleetTotals) places() int {
	places := 1
	for _, a := range actions {
		places = max(places, int(math.Ceil(t.minute[a]/(0.75*quota[a]))))
	}
	return places
}
