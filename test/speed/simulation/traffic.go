package main

import "math/rand/v2"

const (
	daySeconds = 24 * 60 * 60
	// officeShare of a day's builds start between officeBegin and officeEnd. Assumptions.
	officeBegin, officeEnd = 9 * 60 * 60, 17 * 60 * 60
	officeShare            = 0.8
)

// durations are the seconds that a build takes by change, without the start of its machine.
type durations map[change]float64

// traffic is one day of a fleet.
type traffic struct {
	builds int
	total  requests
	// minute is the mean number of requests per second in the busiest minute, second the maximum in one
	// second.
	minute, second map[action]float64
	// running is the maximum number of concurrent builds.
	running int
}

// simulateDay draws the start times of a day's builds and counts their requests per second. sent are the requests of
// each kind of build. Builds send read
// requests in their first seconds and write requests in their last.
func simulateDay(random *rand.Rand, builds int, share map[kind]float64, sent map[kind]requests, sizes layers, takes durations) traffic {
	t := traffic{builds: builds, total: requests{}, minute: map[action]float64{}, second: map[action]float64{}}
	perSecond := map[action][]int{}
	for _, a := range actions {
		perSecond[a] = make([]int, daySeconds)
	}
	starts := make([]int, daySeconds+1)
	for range builds {
		k := draw(random, share)
		begin := startOf(random)
		end := min(begin+int(takes[k.change]), daySeconds-1)
		starts[begin]++
		starts[end+1]--
		asked := sent[k].with(k, sizes)
		t.total.add(asked)
		for _, a := range actions {
			for range asked[a] {
				perSecond[a][secondOf(random, a, begin, end)]++
			}
		}
	}
	for _, a := range actions {
		t.minute[a], t.second[a] = busiest(perSecond[a])
	}
	running := 0
	for _, n := range starts {
		running += n
		t.running = max(t.running, running)
	}
	return t
}

func startOf(random *rand.Rand) int {
	if random.Float64() < officeShare {
		return officeBegin + random.IntN(officeEnd-officeBegin)
	}
	return (officeEnd + random.IntN(daySeconds-officeEnd+officeBegin)) % daySeconds
}

// spread is the number of seconds over which a build's read or write requests are spread.
const spread = 3

func secondOf(random *rand.Rand, a action, begin, end int) int {
	switch a {
	case getToken, getImage, getLayer:
		return min(begin+random.IntN(spread), end)
	}
	return max(end-random.IntN(spread), begin)
}

func draw(random *rand.Rand, share map[kind]float64) kind {
	x := random.Float64()
	for _, k := range kinds {
		if x -= share[k]; x < 0 {
			return k
		}
	}
	return kind{later, source}
}

// busiest returns the mean of the busiest minute and the maximum of one second.
func busiest(perSecond []int) (minute, second float64) {
	const length = 60
	sum := 0
	for i, n := range perSecond {
		sum += n
		if i >= length {
			sum -= perSecond[i-length]
		}
		minute, second = max(minute, float64(sum)/length), max(second, float64(n))
	}
	return minute, second
}
