// The page that compares two builds.
function plural(count, word) { return count + " " + word + (count === 1 ? "" : "s"); }

function figure(value, digits) { return known(value) ? value.toFixed(digits) : "unknown"; }

function otherApps(apps) {
  if (apps.length < 2) return;
  section("Different apps", element("p", "", "The builds are of different apps, " + apps.map((app) => "“" + app + "”").join(" and ") + ", so their figures cannot be compared."))
    .classList.add("notice", "warning");
}

function verdictOf(build) {
  const sign = (tones[build.verdict] || ["neutral", "?"])[1];
  return sign + " " + build.verdict.replaceAll("-", " ") + (build.exitCode ? ", failed" : "");
}

function showComparison(c) {
  const tone = tones[c.after.verdict] || ["neutral", "?"];
  headline("comparison of two builds", capital(c.words), tone[0], tone[1], c.lost.length ? plural(c.lost.length, "step") + " no longer cached" : "No step lost its cache");
  tiles([
    ["The build took", seconds(c.after.seconds), "before: " + seconds(c.before.seconds)],
    ["Hit ratio", figure(c.after.hitRatio, 2), "before: " + figure(c.before.hitRatio, 2)],
    ["Saved", seconds(c.after.savedSeconds), "before: " + seconds(c.before.savedSeconds)],
    ["No longer cached", String(c.lost.length), "newly cached: " + c.gained.length],
  ]);
  otherApps(c.apps);
  const rows = c.figures.map((f) => [f.name, figure(f.before, 2), figure(f.after, 2), known(f.before) && known(f.after) ? signedFigure(f.after - f.before) : "unknown"]);
  section("Parts of the build", pairs(c.figures.filter((f) => !["hit ratio", "saved", "total", "cache overhead"].includes(f.name))),
    table(["seconds", ">before", ">after", ">difference"], rows));
  const before = [">before, s", (s) => ran(s.before)], after = [">after, s", (s) => ran(s.after)];
  changes("No longer cached", c.lost, before, after, ["why", (s) => s.cause || ""]);
  changes("Newly cached", c.gained, before, after);
  changes("Slower", c.slower, before, after);
  changes("Faster", c.faster, before, after);
  changes("New steps", c.added, after);
  changes("Removed steps", c.removed, before);
  section("The builds", table(["", "started", "verdict", "report"], [["before", c.before], ["after", c.after]].map(([name, b]) =>
    [name, when(b.startedAt) || "unknown", element("span", "", verdictOf(b), element("br"), element("span", "overline", b.line)), code(b.path)])));
}

function signedFigure(value) { return Math.abs(value) < 0.005 ? "0" : (value > 0 ? "+" : "−") + Math.abs(value).toFixed(2); }

// pairs draws two bars for each part: before and, below it, after.
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

showComparison(data.comparison);
