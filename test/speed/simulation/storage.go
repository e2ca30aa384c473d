package main

import "math/rand/v2"

// warmUp is the number of days that are simulated before anything is counted: longer than the longest
// lifecycle rule.
const (
	warmUp  = 150
	counted = 30
)

// appTotals are the results for one app, on average over the counted days.
type appTotals struct {
	// bytes and images are the content of the cache repository at the end of a day; mostBytes and mostImages
	// are their maxima.
	bytes, images         float64
	mostBytes, mostImages float64
	// share is the share of each kind in all builds.
	share map[kind]float64
}

// simulateApp simulates one app for half a year and expires its caches every night.
func simulateApp(random *rand.Rand, h habits, perDay float64, sizes layers, mounts []mount, kept rules) appTotals {
	r, totals, number := newRepository(sizes, mounts, kept), appTotals{share: map[kind]float64{}}, 0
	builds := h.appBuilds(random, perDay, warmUp+counted)
	for day := range warmUp + counted {
		for ; len(builds) > 0 && builds[0].day < float64(day+1); builds = builds[1:] {
			k := r.build(builds[0])
			if day >= warmUp {
				totals.share[k]++
				number++
			}
		}
		if day >= warmUp {
			bytes, images := float64(r.bytes()), float64(r.images())
			totals.bytes += bytes / counted
			totals.images += images / counted
			totals.mostBytes, totals.mostImages = max(totals.mostBytes, bytes), max(totals.mostImages, images)
		}
		r.expire(float64(day + 1))
	}
	for k := range totals.share {
		totals.share[k] /= float64(max(number, 1))
	}
	return totals
}

// simulateApps returns the mean of several apps.
func simulateApps(random *rand.Rand, h habits, apps int, perDay float64, sizes layers, mounts []mount, kept rules) appTotals {
	mean := appTotals{share: map[kind]float64{}}
	for range apps {
		one := simulateApp(random, h, perDay, sizes, mounts, kept)
		n := float64(apps)
		mean.bytes += one.bytes / n
		mean.images += one.images / n
		mean.mostBytes, mean.mostImages = max(mean.mostBytes, one.mostBytes), max(mean.mostImages, one.mostImages)
		for _, k := range kinds {
			mean.share[k] += one.share[k] / n
		}
	}
	return mean
}
