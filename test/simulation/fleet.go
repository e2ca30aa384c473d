package main

import (
	"math"
	"math/rand/v2"
)

// The sizes of caches. "app" is that of test/bench: a base image of 220 MB and 100 MB of dependencies, taken as they are, as if they
// did not compress; "large" is its image of 2 GB. The source layers, and "small", are assumptions.
var sizes = []layers{
	{"small", 30e6, 20e6, 1e6},
	{"app", 220e6, 100e6, 5e6},
	{"large", 1000e6, 900e6, 100e6},
}

var appSizes = sizes[1]

// Seconds of builds of "app", the medians of docs/evidence/benchmark.json on loopback, of the first run that has them: with layercache,
// and without a cache, where every build runs every step. A change of dependencies is taken for a first build.
var (
	withCache    = durations{everything: 31.72, nothing: 0.70, source: 12.15, dependencies: 31.72}
	withoutCache = 30.59
)

// fleet is an organization's builds.
type fleet struct {
	buildsPerDay, apps int
}

var fleets = []fleet{{10, 1}, {1_000, 100}, {100_000, 1_000}}

// most is the number of apps that are simulated one by one; of more, each stands for several.
const most = 50

// fleetTotals are what a fleet comes to.
type fleetTotals struct {
	fleet
	traffic
	// bytes and images are in one cache repository that all apps share; imagesShort with shortRules.
	bytes, images, imagesShort float64
	// savedMinutes are a month's.
	savedMinutes float64
}

func simulateFleet(seed uint64, f fleet) fleetTotals {
	random := rand.New(rand.NewPCG(seed, uint64(f.buildsPerDay)))
	apps, perDay := min(f.apps, most), float64(f.buildsPerDay)/float64(f.apps)
	perApp := simulateApps(random, usual, apps, perDay, appSizes, defaultRules)
	short := simulateApps(random, usual, apps, perDay, appSizes, shortRules)
	t := fleetTotals{
		fleet: f, bytes: perApp.bytes * float64(f.apps), images: perApp.images * float64(f.apps), imagesShort: short.images * float64(f.apps),
	}
	t.traffic = simulateDay(random, f.buildsPerDay, perApp.share, appSizes, withCache)
	for _, k := range kinds {
		t.savedMinutes += perApp.share[k] * (withoutCache - withCache[k.change]) / 60 * float64(f.buildsPerDay) * counted
	}
	return t
}

func (t fleetTotals) storageUSD() float64 { return t.bytes / 1e9 * usdPerGBMonth }

func (t fleetTotals) savedUSD() float64 { return t.savedMinutes * usdPerMinute }

// repositories is how many cache repositories so many images have to be spread over to stay below three quarters of the quota.
func repositories(images float64) int { return int(math.Ceil(images / (0.75 * imagesPerRepository))) }

// places is how many accounts or regions the builds have to be spread over to stay below three quarters of each quota in the
// busiest minute. What one second has too many of is asked again.
func (t fleetTotals) places() int {
	places := 1
	for _, a := range actions {
		places = max(places, int(math.Ceil(t.minute[a]/(0.75*quota[a]))))
	}
	return places
}
