package archive

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheOldPacksThatAreWrittenAgain(t *testing.T) {
	const full = maxPackContent + 1000
	for name, c := range map[string]struct {
		fresh int64
		packs []Content
		live  []int64
		whole bool
		want  []bool
	}{
		"nothing is small or dead":                         {10, []Content{100, 1000}, []int64{100, 1000}, false, []bool{false, false}},
		"a pack that is mostly dead":                       {10, []Content{100, 1000}, []int64{100, 499}, false, []bool{true, true}},
		"small packs, with those that they grow to":        {10, []Content{60, 20, 1000}, []int64{60, 20, 1000}, false, []bool{true, true, false}},
		"a full pack is not written again for a large one": {full, []Content{full, full}, []int64{full, full}, false, []bool{false, false}},
		"a full pack that is mostly dead":                  {10, []Content{full}, []int64{1000}, false, []bool{true}},
		"everything, if the old packs are of no use":       {10, []Content{full, 1000}, []int64{full, 1000}, true, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan{fresh: c.fresh, live: c.live, repack: make([]bool, len(c.packs))}
			p.chooseRepack(c.packs, c.whole)
			require.Equal(t, c.want, p.repack)
		})
	}
}
