package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bakeRuns is how many times one of many images changes. CI has time for one.
var bakeRuns = flag.Int("bake.runs", 1, "runs of the test with 30 images")

const (
	manyServices = 30
	// latency is added to every request of the registry.
	latency = 5 * time.Millisecond
)

// front returns the address of a proxy before the machine's registry. handle may answer a request itself.
func (w *machine) front(handle func(http.ResponseWriter, *http.Request) (answered bool)) string {
	w.t.Helper()
	target, err := url.Parse("http://" + w.registry.Addr())
	require.NoError(w.t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, r *http.Request) {
		if !handle(writer, r) {
			proxy.ServeHTTP(writer, r)
		}
	}))
	w.t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// newServices returns a machine with a compose file of many services.
func newServices(t *testing.T) *machine {
	w := newMachine(t)
	address := w.front(func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(latency)
		return false
	})
	compose := "services:\n"
	for i := range manyServices {
		name := fmt.Sprintf("service-%02d", i)
		compose += fmt.Sprintf("  %s:\n    build: ./%s\n    image: %s/%s:1\n", name, name, address, name)
		w.write(name+"/Dockerfile", "FROM "+base+"\nRUN echo tools > /tools\nCOPY main.txt .\nRUN sleep 6 && cat main.txt > program\n")
		w.write(name+"/main.txt", name)
	}
	w.write("compose.yaml", compose)
	w.env["LAYERCACHE_REPOSITORY"], w.env["LAYERCACHE_MIRRORS"] = address+"/cache", "public.ecr.aws="+address+"/ecr-public"
	w.env["LAYERCACHE_APP"] = "shop"
	return w
}

func TestBakeOneOfManyImagesChanges(t *testing.T) {
	w := newServices(t)
	w.succeeds(w.run("bake", "--push"))
	var all, alone time.Duration
	for run := range *bakeRuns {
		changed := fmt.Sprintf("service-%02d", run%manyServices)
		w.write(changed+"/main.txt", fmt.Sprintf("run %d", run))
		w.env["LAYERCACHE_WRITE"] = "false"
		begin := time.Now()
		w.succeeds(w.run("bake", "--push", changed))
		alone += time.Since(begin)
		w.env["LAYERCACHE_WRITE"] = "true"
		begin = time.Now()
		got := w.succeeds(w.run("bake", "--push"))
		all += time.Since(begin)
		for _, r := range got.Targets {
			if r.Target == changed {
				assert.Equal(t, []string{"COPY main.txt .", "RUN sleep 6 && cat main.txt > program"}, ranIn(r))
				continue
			}
			assert.Equal(t, "used", r.Verdict, "%s: %s\n%s", r.Target, r.VerdictReason, got.log)
			assert.Equal(t, "unchanged", r.Exported, "%s\n%s", r.Target, got.log)
		}
		if t.Failed() {
			break
		}
		if run == *bakeRuns-1 {
			_, table, _ := strings.Cut(got.log, "layercache: the build took")
			t.Logf("layercache: the build took%s", table)
		}
	}
	t.Logf("%d runs: all %s, the changed image alone %s, ratio %.2f", *bakeRuns, all/time.Duration(*bakeRuns), alone/time.Duration(*bakeRuns), float64(all)/float64(alone))
}
