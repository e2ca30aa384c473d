package history

import "slices"

// blocks are the heights of a sparkline.
var blocks = []rune("▁▂▃▄▅▆▇█")

// sparkline draws a value as a block, from 0 to the largest, and one that is not known as a dot.
func sparkline(values []*float64) string {
	known := knownOf(values)
	if len(known) == 0 {
		return unknown
	}
	largest := max(slices.Max(known), 0)
	drawn := make([]rune, len(values))
	for i, value := range values {
		switch {
		case value == nil:
			drawn[i] = '·'
		case largest == 0:
			drawn[i] = blocks[0]
		default:
			drawn[i] = blocks[int(max(0, *value)/largest*float64(len(blocks)-1)+0.5)]
		}
	}
	return string(drawn)
}

func sparklineRow(name string, values []*float64) []string {
	known := knownOf(values)
	if len(known) == 0 {
		return []string{name, unknown, "", ""}
	}
	least, most := slices.Min(known), slices.Max(known)
	return []string{name, sparkline(values), show(&least, 2), show(&most, 2)}
}

func knownOf(values []*float64) []float64 {
	var known []float64
	for _, value := range values {
		known = appendKnown(known, value)
	}
	return known
}
