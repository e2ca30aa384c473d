//go:build linux

package faults

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// row is a line of docs/evidence/reliability.md.
type row struct {
	// table is a point, or "this machine".
	table, fault string
	// image describes the result of the push, verdict and causes what the build reported, cache the state of
	// the cache afterwards.
	image, verdict, causes, cache string
	// lost is how many seconds longer the build took than without a fault.
	lost float64
}

// strikeAt runs the cell of a fault at a point: a build with the good cache of the first source.
func (s *signIns) strikeAt(t *testing.T, point string, f fault, after int) row {
	c := s.cell(t, fmt.Sprintf("cell%d", s.number.Add(1)))
	s.plant(t, c.name)
	c.env["LAYERCACHE_CACHE_TIMEOUT"] = cacheTimeout(point, f).String()
	front := s.frontOf(c, point, f, after)
	if point == pushing && (f.name == "silence" || f.name == "1 KB/s") {
		return c.stopped(point, f, front)
	}
	o := c.build()
	assert.Positive(t, front.hits(), "the fault never occurred:\n%s", o.log)
	r := c.judge(point, f, o)
	if f.words != "" {
		r.image = strings.ReplaceAll(r.image, interrupted, f.words)
		r.causes = strings.ReplaceAll(r.causes, interrupted, f.words)
	}
	if point == signIn {
		s.goodInECR(t, c.name)
		r.cache = "good"
	}
	return r
}

// interrupted is the cause reported for a connection that ends early.
const interrupted = "the connection was interrupted"

// frontOf puts a front with the fault before the server of a point.
func (s *signIns) frontOf(c *cell, point string, f fault, after int) *front {
	backend := http.Handler(proxyTo(s.registry.Addr()))
	switch point {
	case figures:
		backend = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	case signIn:
		backend = s.api()
	}
	front := c.newFront(backend, strike{fault: f, at: s.at(point), after: after})
	switch point {
	case signIn:
		s.moveToECR(c, front)
		front.begin()
	case pushing:
		c.image = front.host() + "/shop-" + c.name + ":1"
	case figures:
		// Metrics are sent at the end; building the first source is faster.
		c.write("src.txt", []byte("first\n"))
		c.program = s.before
		c.reportsTo(front)
		front.begin()
	default:
		c.repository = front.host() + "/" + c.name
	}
	return front
}

// judge returns the row for a finished build, and checks everything that must hold for every fault.
func (c *cell) judge(table string, f fault, o outcome) row {
	c.t.Helper()
	r := row{table: table, fault: f.name, image: "pushed", cache: c.cacheAfter()}
	image := c.w.imageOf(c.t, c.name)
	if table == pushing {
		assert.NotZero(c.t, o.exitCode, "the build must fail if the image was not pushed:\n%s", o.log)
		assert.Empty(c.t, image, "a partly pushed image must have no tag")
		r.image = fmt.Sprintf("not pushed, exit status %d: %s", o.exitCode, o.failure())
	} else {
		assert.Zero(c.t, o.exitCode, o.log)
		assert.Equal(c.t, c.program, image, "the image must equal that of a build without a cache:\n%s", o.log)
	}
	require.NotNil(c.t, o.Report, "no report:\n%s", o.log)
	r.verdict, r.causes = o.Verdict, o.causes()
	if table == pulling {
		// Layers are fetched concurrently, so it varies which ones had arrived before.
		assert.Contains(c.t, []string{"import-failed", "partly-used"}, o.Verdict, o.log)
		r.verdict = "import-failed; partly-used if a layer had arrived"
	}
	if table == pushing {
		// The cache is exported during the push, so it varies which of the two ends first.
		r.causes, r.cache = "", "good"
	}
	r.lost = max(0, o.seconds-c.w.seconds)
	assert.Less(c.t, r.lost, (cacheTimeout(table, f) + 20*time.Second).Seconds(), "the seconds lost must stay within the timeout, with a reserve for a busy machine:\n%s", o.log)
	c.nothingLeft()
	return r
}

// cacheAfter returns the state of the cache, and checks that it is complete and usable by the next build.
func (c *cell) cacheAfter() string {
	c.t.Helper()
	found, err := c.w.read(c.t, c.name)
	if !assert.NoError(c.t, err, "the next build's cache is broken") {
		return "broken"
	}
	c.w.usable(c.t, c.name, found)
	if found.knows == c.w.good.knows {
		return "as before"
	}
	return "rewritten"
}

// usable checks that a build can use the cache, once for each kind of cache: caches with the same steps are
// equivalent.
func (w *baseline) usable(t *testing.T, repository string, found cache) {
	t.Helper()
	if _, known := w.used.LoadOrStore(found.knows, true); known {
		return
	}
	next := w.cell(t, repository+"-next")
	next.repository = w.registry.Addr() + "/" + repository
	next.env["LAYERCACHE_WRITE"] = "false"
	o := next.build()
	o.succeeds(t)
	assert.Contains(t, []string{"used", "partly-used"}, o.Verdict, o.log)
	assert.Equal(t, w.program, w.imageOf(t, next.name))
	next.nothingLeft()
}

// stopped runs a cell whose build does not end by itself, because a build cannot skip the push. It is stopped
// like CodeBuild stops a build at its time limit.
func (c *cell) stopped(point string, f fault, front *front) row {
	running := c.start()
	require.Eventually(c.t, func() bool { return front.hits() > 0 }, time.Minute, 20*time.Millisecond, "the fault never occurred")
	time.Sleep(cacheTimeout(point, f) + 2*time.Second)
	require.NoError(c.t, running.cmd.Process.Signal(syscall.SIGTERM))
	o := running.wait()
	assert.Equal(c.t, 128+int(syscall.SIGTERM), o.exitCode, o.log)
	assert.Empty(c.t, c.w.imageOf(c.t, c.name), "a partly pushed image must have no tag")
	c.nothingLeft()
	c.cacheAfter()
	return row{table: point, fault: f.name, image: "the push goes on until the build is stopped: exit status 143", cache: "good"}
}

func TestReliability(t *testing.T) {
	w := newSignIns(t, newBaseline(t))
	rows := readRows(t)
	t.Run("points", func(t *testing.T) {
		for _, point := range points {
			for _, f := range faults {
				rows.run(t, point, f.name, notApplicable(point, f), func(t *testing.T) row { return w.strikeAt(t, point, f, 0) })
			}
			for _, f := range halfWay {
				reason := ""
				if point == signIn || point == figures {
					reason = "there is only one request"
				}
				rows.run(t, point, f.name, reason, func(t *testing.T) row { return w.strikeAt(t, point, f, 1) })
			}
		}
		for _, d := range damages {
			rows.run(t, d.point, d.name, "", func(t *testing.T) row { return w.suffer(t, d) })
		}
	})
	t.Run("machine", func(t *testing.T) {
		for _, trial := range trials {
			rows.run(t, machine, trial.name, "", func(t *testing.T) row { return w.undergo(t, trial) })
		}
		for _, stage := range stages {
			for _, signal := range signals {
				rows.run(t, machine, signalName(stage, signal), "", func(t *testing.T) row { return w.signalled(t, stage, signal) })
			}
		}
		t.Run("two concurrent builds", func(t *testing.T) {
			t.Parallel()
			for _, one := range w.pair(t) {
				rows.add(one)
			}
		})
	})
	rows.compare(t)
}

// notApplicable returns why a fault cannot occur at a point, or "".
func notApplicable(point string, f fault) string {
	sends := point == pushing || point == writing
	switch {
	case point == figures && (f.name == "truncated" || f.name == "corrupt"):
		return "the answer's content is not read"
	case !sends && (f.name == "409, an immutable tag" || f.name == "413"):
		return "it is only an answer to writes"
	}
	return ""
}
