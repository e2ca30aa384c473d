package progress

// LongestChain returns the cost of the longest chain of steps, where each step waits for its inputs. Inputs may come in any
// order in the list, but never form a cycle.
func LongestChain(steps int, inputs func(step int) []int, cost func(step int) float64) float64 {
	ends := make([]float64, steps)
	done := make([]bool, steps)
	var end func(int) float64
	end = func(i int) float64 {
		if done[i] {
			return ends[i]
		}
		done[i] = true
		var start float64
		for _, input := range inputs(i) {
			start = max(start, end(input))
		}
		ends[i] = start + cost(i)
		return ends[i]
	}
	var longest float64
	for i := range steps {
		longest = max(longest, end(i))
	}
	return longest
}
