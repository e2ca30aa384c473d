// The page of several builds: a comparison of two, or a trend.
function plural(count, word) { return count + " " + word + (count === 1 ? "" : "s"); }

function figure(value, digits) { return known(value) ? value.toFixed(digits) : "unknown"; }

function otherApps(apps) {
  if (apps.length < 2) return;
  section("Different apps", element("p", "", "These are builds of " + apps.map((app) => "“" + app + "”").join(", ") + ": their figures do not compare."))
    .classList.add("notice", "warning");
}

function verdictOf(build) {
  const sign = (tones[build.verdict] || ["neutral", "?"])[1];
  return sign + " " + build.verdict.replaceAll("-", " ") + (build.exitCode ? ", failed" : "");
}

// whole is text that is not broken into lines.
function whole(text) { return element("span", "mark", text); }

function showComparison(c) {
  const tone = tones[c.after.verdict] || ["neutral", "?"];
  headline("comparison of two builds", capital(c.words), tone[0], tone[1], c.lost.length ? plural(c.lost.length, "step") + " lost their cache" : "No step lost its cache");
  tiles([
    ["The build took", seconds(c.after.seconds), "before: " + seconds(c.before.seconds)],
    ["Hit ratio", figure(c.after.hitRatio, 2), "before: " + figure(c.before.hitRatio, 2)],
    ["Saved", seconds(c.after.savedSeconds), "before: " + seconds(c.before.savedSeconds)],
    ["Lost their cache", String(c.lost.length), plural(c.gained.length, "step") + " came from it anew"],
  ]);
  otherApps(c.apps);
  const rows = c.figures.map((f) => [f.name, figure(f.before, 2), figure(f.after, 2), known(f.before) && known(f.after) ? signedFigure(f.after - f.before) : "unknown"]);
  section("Parts of the build", pairs(c.figures.filter((f) => !["hit ratio", "saved", "total", "cache overhead"].includes(f.name))),
    table(["seconds", ">before", ">after", ">difference"], rows));
  const before = [">before, s", (s) => ran(s.before)], after = [">after, s", (s) => ran(s.after)];
  changes("Lost their cache", c.lost, before, after, ["why", (s) => s.cause || ""]);
  changes("Came from the cache, and ran before", c.gained, before, after);
  changes("Slower", c.slower, before, after);
  changes("Faster", c.faster, before, after);
  changes("New steps", c.added, after);
  changes("Steps that are gone", c.removed, before);
  section("The builds", table(["", "started", "verdict", "report"], [["before", c.before], ["after", c.after]].map(([name, b]) =>
    [name, when(b.startedAt) || "unknown", element("span", "", verdictOf(b), element("br"), element("span", "overline", b.line)), code(b.path)])));
}

function signedFigure(value) { return Math.abs(value) < 0.005 ? "0" : (value > 0 ? "+" : "−") + Math.abs(value).toFixed(2); }

// pairs draws each part twice: before above after.
function pairs(figures) {
  const most = Math.max(0.001, ...figures.flatMap((f) => [f.before || 0, f.after || 0]));
  const chart = element("div", "pairs");
  chart.setAttribute("aria-hidden", "true");
  for (const f of figures) {
    const bars = element("div", "track");
    for (const which of ["before", "after"]) {
      const bar = element("div", "bar " + which);
      bar.style.width = 100 * (f[which] || 0) / most + "%";
      bars.append(bar);
    }
    const made = element("div", "row", element("div", "name", f.name), bars);
    explain(made, f.name + ": " + seconds(f.before) + " before, " + seconds(f.after) + " after");
    chart.append(made);
  }
  return element("div", "", element("ul", "legend", element("li", "", element("span", "bar before"), "before"), element("li", "", element("span", "bar after"), "after")), chart);
}

function ran(seconds) { return known(seconds) ? seconds.toFixed(2) : "cached"; }

function changes(title, steps, ...columns) {
  if (!steps.length) return;
  section(title + ": " + steps.length, table(["stage", "step"].concat(columns.map((c) => c[0])),
    steps.map((s) => [s.place, code(s.instruction)].concat(columns.map((c) => c[1](s))))));
}

function showTrend(t) {
  const worth = { keep: ["good", "✓", "The cache is worth keeping"], drop: ["bad", "!", "The cache does not pay"] }[t.worth] || ["neutral", "?", "Whether the cache pays is not known"];
  headline(plural(t.builds.length, "build") + (t.apps.length === 1 && t.apps[0] ? " of " + t.apps[0] : ""), worth[2], worth[0], worth[1], capital(t.arithmetic.join("; ")));
  const lost = t.lost[0];
  tiles([
    ["Median build", seconds(t.medians.seconds), ""],
    ["Median hit ratio", figure(t.medians.hitRatio, 2), ""],
    ["Median saved", seconds(t.medians.savedSeconds), ""],
    ["Saved in all", seconds(t.savedSeconds), known(t.savedUSD) ? dollars(t.savedUSD) : ""],
    ["Lost its cache most often", lost ? lost.times + " of " + t.reading : "none", lost ? lost.instruction.slice(0, 60) : ""],
  ]);
  otherApps(t.apps);
  section("Build by build", element("ul", "legend", ...["used", "partly-used", "cold", "missing"].map((verdict) =>
    element("li", "", tones[verdict][1] + " " + (verdict === "missing" ? "trouble" : verdict.replace("-", " "))))), trendChart(t.builds));
  const several = t.apps.length > 1;
  const columns = ["started"].concat(several ? ["app"] : [], ["verdict", ">hit ratio", ">total, s", ">saved, s", ">overhead, s", "report"]);
  const line = (started, app, verdict, b, path) => [started].concat(several ? [app] : [],
    [verdict, figure(b.hitRatio, 2), figure(b.seconds, 1), figure(b.savedSeconds, 1), figure(b.overheadSeconds, 1), path]);
  const rows = t.builds.map((b) => line(whole(when(b.startedAt) || "unknown"), b.app, whole(verdictOf(b)), b, code(b.path)));
  rows.push({ className: "total", cells: line("median", "", "", t.medians, "") });
  section("Builds", table(columns, rows));
  if (t.lost.length) {
    section("First steps that had to run", element("p", "note", "In the " + plural(t.reading, "build") + " that had a cache to read."),
      table(["stage", "step", ">builds", "why, the last time"], t.lost.map((s) => [s.place, code(s.instruction), String(s.times), s.cause === "unknown" ? "not known" : s.cause])));
  }
}

function drawn(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
}

// trendChart draws total, saved and hit ratio one above the other, a column for each build.
function trendChart(builds) {
  const width = 1100, left = 64, slot = (width - left) / builds.length, bar = Math.max(1, Math.min(40, slot * 0.72));
  const panels = [["total s", "seconds", 150], ["saved s", "savedSeconds", 100], ["hit ratio", "hitRatio", 60]];
  const height = panels.reduce((sum, panel) => sum + panel[2] + 34, 16);
  const chart = drawn("svg", { viewBox: "0 0 " + width + " " + height, class: "chart", role: "img", "aria-label": "Total seconds, saved seconds and hit ratio of each build. The table below has the same figures." });
  let top = 16;
  for (const [title, key, size] of panels) {
    const values = builds.map((b) => b[key]).filter(known);
    const most = key === "hitRatio" ? 1 : Math.max(0.001, ...values), least = Math.min(0, ...values);
    const y = (value) => top + size * (most - value) / (most - least);
    for (const value of [most, 0]) {
      chart.append(drawn("line", { x1: left, x2: width, y1: y(value), y2: y(value), class: "grid" }));
      chart.append(drawn("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, key === "hitRatio" ? value.toFixed(0) : value.toFixed(1)));
    }
    chart.append(drawn("text", { x: left - 8, y: top + size / 2 + 4, "text-anchor": "end", class: "strong" }, title));
    builds.forEach((b, i) => {
      const x = left + slot * i + (slot - bar) / 2, value = b[key];
      if (!known(value)) {
        chart.append(drawn("text", { x: x + bar / 2, y: y(0) - 4, "text-anchor": "middle" }, "?"));
        return;
      }
      const tone = (tones[b.verdict] || ["neutral"])[0];
      const rect = drawn("rect", { x, width: bar, y: Math.min(y(value), y(0)), height: Math.max(1, Math.abs(y(value) - y(0))), rx: 2, class: "column " + (key === "seconds" ? tone : "plain") });
      explain(rect, (when(b.startedAt) || b.path) + "\n" + verdictOf(b) + "\n" + title + ": " + value.toFixed(2));
      chart.append(rect);
      if (key === "seconds" && slot > 14) chart.append(drawn("text", { x: x + bar / 2, y: y(value) - 4, "text-anchor": "middle" }, (tones[b.verdict] || ["", "?"])[1]));
    });
    top += size + 34;
  }
  chart.append(drawn("text", { x: left, y: height - 6 }, when(builds[0].startedAt)));
  chart.append(drawn("text", { x: width, y: height - 6, "text-anchor": "end" }, when(builds[builds.length - 1].startedAt)));
  return element("div", "scroll", chart);
}

if (data.comparison) showComparison(data.comparison);
else showTrend(data.trend);
