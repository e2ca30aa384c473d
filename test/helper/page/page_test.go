// Package page opens report.html and the page that compares two builds in a browser.
package page

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/report/comparison"
)

// screenshots is the variable with a folder for pictures of the pages, to look at.
const screenshots = "LAYERCACHE_SCREENSHOTS"

// look finds what is wrong with the page that is shown.
//
//go:embed look.js
var look string

// window is the size of a browser's window.
type window struct {
	name          string
	width, height int64
}

var windows = []window{{"phone", 390, 844}, {"desktop", 1280, 800}}

// seen is what look returns.
type seen struct {
	// Verdict is the text of the headline, and InView reports whether it is seen without scrolling.
	Verdict string `json:"verdict"`
	InView  bool   `json:"inView"`
	// Width is how wide the page's content is.
	Width int64 `json:"width"`
	// Outside is text beyond the window's edges, and Faint is text with too little contrast to what is behind it.
	Outside []string `json:"outside"`
	Faint   []string `json:"faint"`
	// Texts counts the texts that were looked at.
	Texts int `json:"texts"`
}

func TestThePagesInABrowser(t *testing.T) {
	browser := start(t)
	dir := t.TempDir()
	for page, content := range map[string]struct {
		verdict string
		html    []byte
	}{
		"5 steps":                        {"Cache partly used", html(t, buildOf(5))},
		"500 steps":                      {"Cache partly used", html(t, buildOf(500))},
		"a build that failed":            {"Cache partly used", html(t, failed())},
		"a build without a cache":        {"Cache off", html(t, uncached())},
		"two builds of 5 steps":          {"Cache still partly used", compared(t, 5)},
		"two builds of 500 and 90 steps": {"Cache still partly used", compared(t, 500)},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(page, " ", "-")+".html")
		require.NoError(t, os.WriteFile(path, content.html, 0o600))
		for _, size := range windows {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s, %s, %s", page, size.name, scheme), func(t *testing.T) {
					got := open(t, browser, path, size, scheme)
					assert.Contains(t, got.Verdict, content.verdict)
					assert.True(t, got.InView, "the verdict is seen without scrolling")
					assert.LessOrEqual(t, got.Width, size.width, "the page scrolls sideways")
					assert.Empty(t, got.Outside, "text beyond the window's edges")
					assert.Empty(t, got.Faint, "text with a contrast below WCAG's AA")
					assert.Greater(t, got.Texts, 10)
				})
			}
		}
	}
}

// FROM counts neither as cached nor as run, so the table has as many steps that ran as the heading.
func TestThePageCountsTheStepsAsTheHeadingDoes(t *testing.T) {
	browser := start(t)
	path := filepath.Join(t.TempDir(), "page.html")
	r := buildOf(5)
	require.NoError(t, os.WriteFile(path, html(t, r), 0o600))
	got := shown[map[string]int](t, browser, path, windows[1], `(() => {
		const count = (selector) => document.querySelectorAll(selector).length;
		return { base: count(".steps .mark.base"), ran: count(".steps .mark.ran"), cached: count(".steps .mark.cached"), bars: count(".timeline .bar.base"), rows: count(".steps tbody tr") };
	})()`)
	hits, counted := r.Hits()
	assert.Equal(t, map[string]int{"base": 1, "ran": counted - hits, "cached": hits, "bars": 1, "rows": 5}, got)
}

// A label near the right end of the axis stays on one line.
func TestTheLabelsOfTheAxisAreOnOneLine(t *testing.T) {
	browser := start(t)
	path := filepath.Join(t.TempDir(), "page.html")
	r := buildOf(1)
	r.Seconds.Total = 15.5
	require.NoError(t, os.WriteFile(path, html(t, r), 0o600))
	got := shown[map[string]float64](t, browser, path, windows[0], `(() => {
		const lines = (tick) => [tick.innerText, Math.round(tick.offsetHeight / document.querySelector(".axis .tick").offsetHeight)];
		return Object.fromEntries([...document.querySelectorAll(".axis .tick")].map(lines));
	})()`)
	assert.Equal(t, map[string]float64{"0 s": 1, "5 s": 1, "10 s": 1, "15 s": 1}, got)
}

// In a narrow window the table of steps fits, and wider tables show a shadow where they go on.
func TestTablesInANarrowWindow(t *testing.T) {
	browser := start(t)
	path := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(path, html(t, buildOf(5)), 0o600))
	for _, width := range []int64{500, 680} {
		assert.Equal(t, []string{"#", "step", "result", "seconds", "last run"}, shown[[]string](t, browser, path, window{"narrow", width, 800}, `(() => {
			const edge = document.querySelector(".steps").parentElement.getBoundingClientRect().right;
			return [...document.querySelectorAll(".steps th")].filter((th) => th.getClientRects().length && th.getBoundingClientRect().right <= edge + 1).map((th) => th.innerText);
		})()`), "%d pixels", width)
	}
	assert.Equal(t, "local, local, scroll, scroll", shown[string](t, browser, path, windows[0], `getComputedStyle(document.querySelector(".scroll")).backgroundAttachment`))
}

// shown opens a file in a new tab, and returns the value of an expression there.
func shown[T any](t *testing.T, browser context.Context, path string, size window, expression string) T {
	t.Helper()
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	require.NoError(t, chromedp.Do(tab, chromedp.EmulateViewport(size.width, size.height)))
	require.NoError(t, chromedp.Do(tab, chromedp.Navigate((&url.URL{Scheme: "file", Path: path}).String())))
	got, err := chromedp.Run(tab, chromedp.Evaluate[T](expression))
	require.NoError(t, err)
	return got
}

// The checks find a page's faults.
func TestFaultsAreSeen(t *testing.T) {
	browser := start(t)
	path := filepath.Join(t.TempDir(), "faulty.html")
	require.NoError(t, os.WriteFile(path, []byte(`<!doctype html><meta name="viewport" content="width=device-width">
<div style="height: 2000px"></div><h1>Late</h1><p style="color: #aaa">faint</p><p style="color: #aaa; background: #000">clear</p>
<p style="white-space: nowrap; width: 300px">`+strings.Repeat("wide ", 400)+`</p>`), 0o600))
	got := open(t, browser, path, windows[1], "light")
	assert.Equal(t, "Late", got.Verdict)
	assert.False(t, got.InView)
	assert.Greater(t, got.Width, windows[1].width)
	assert.Len(t, got.Outside, 1)
	require.Len(t, got.Faint, 1)
	assert.Contains(t, got.Faint[0], "faint")
}

// start starts the browser.
func start(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	require.NoError(t, err, "chromium is missing: run the tests with `make test`, or test/prepare.sh test before them")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()))
	for _, flag := range []string{
		"no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(func() { assert.NoError(t, chromedp.Cancel(ctx)); stop() })
	require.NoError(t, chromedp.Do(ctx))
	return ctx
}

// open shows a file in a new tab, and fails for what the page writes to the console.
func open(t *testing.T, browser context.Context, path string, size window, scheme string) seen {
	t.Helper()
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	messages := chromedp.Console(tab)
	var emulated []chromedp.EmulateViewportOption
	if size.name == "phone" {
		emulated = append(emulated, chromedp.EmulateMobile)
	}
	require.NoError(t, chromedp.Do(tab, chromedp.EmulateViewport(size.width, size.height, emulated...)))
	_, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(tab, chromedp.Navigate((&url.URL{Scheme: "file", Path: path}).String())))
	got, err := chromedp.Run(tab, chromedp.Evaluate[seen](look))
	require.NoError(t, err)
	if dir := os.Getenv(screenshots); dir != "" {
		picture, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
		require.NoError(t, err)
		name := fmt.Sprintf("%s-%s-%s.png", strings.TrimSuffix(filepath.Base(path), ".html"), size.name, scheme)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), picture, 0o644))
	}

	const end = "the end of the test"
	_, err = chromedp.Run(tab, chromedp.Evaluate[any](fmt.Sprintf("console.log(%q); null", end)))
	require.NoError(t, err)
	for message, err := range messages {
		require.NoError(t, err)
		if message.Text == end {
			break
		}
		assert.Fail(t, "a message in the console", "%s: %s", message.Type, message.Text)
	}
	return got
}

func html(t *testing.T, r *report.Report) []byte {
	t.Helper()
	page, err := r.HTML()
	require.NoError(t, err)
	return page
}

// compared is the page that compares a build of some steps with one of 90.
func compared(t *testing.T, steps int) []byte {
	t.Helper()
	page, err := comparison.Render([]comparison.Build{{Path: "before/report.json", Report: buildOf(steps)}, {Path: "after/report.json", Report: failedOf(90)}}, "html")
	require.NoError(t, err)
	return page
}
