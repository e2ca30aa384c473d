// The page of one build, or of all targets of a bake file.
// shown is the build that the functions below show: all, or one target.
let shown, report, steps, activities, caches, mounts;
// off: no cache is configured, so the page shows nothing about a cache.
let off;

function use(build) {
  shown = build;
  report = build.report;
  [steps, activities, caches, mounts] = [report.steps || [], report.activities || [], report.caches || [], report.mounts || []];
  off = report.verdict === "off";
}

function show() {
  use(data);
  const tone = tones[report.verdict] || ["neutral", "?"];
  headline([report.app, when(report.startedAt)].filter(Boolean).join(" · "), capital(data.headline), tone[0], tone[1], reason());
  figures();
  problems();
  if ((data.targets || []).length) targets();
  details();
}

function reason() { return capital(shown.line.slice(shown.line.indexOf(": ") + 2)); }

// targets shows a table of the targets, and each of them when it is opened.
function targets() {
  section("Targets", table(["target", ">steps cached", ">seconds", "verdict", "why"], data.targets.map((target) => {
    const tone = tones[target.report.verdict] || ["neutral", "?"];
    return [code(target.report.target), target.hits[0] + " of " + target.hits[1], target.report.seconds.total.toFixed(2), tone[1] + " " + target.outcome, target.report.verdictReason];
  })));
  const made = section("Each target");
  for (const target of data.targets) {
    made.append(foldable("target", target.report.target, target.outcome, () => {
      const outer = page, holder = element("div");
      page = holder;
      use(target);
      page.append(element("p", "reason", reason()));
      problems();
      details();
      page = outer;
      use(data);
      return [holder];
    }, data.targets.length === 1));
  }
}

function details() {
  if (shown.policy) section("Cache policy", element("p", "", capital(shown.policy.replace(/^cache policy: /, "")) + "."));
  if (steps.length || activities.length) {
    section("Timeline", legend(steps, activities), timeline(steps, activities, report.seconds.total));
  }
  misses();
  if (steps.length) stepTable();
  mountTable();
  const pair = element("div", "two");
  page.append(pair);
  pair.append(time());
  if (!off) pair.append(savings());
  cacheTable();
}

function figures() {
  const [hits, counted] = shown.hits;
  const written = { yes: ["yes"], unchanged: ["up to date", "nothing new to write"], failed: ["failed", "see the warnings"] }[report.exported] || ["no"];
  const net = report.cost.netUSDPer100Builds;
  const saved = report.savedSeconds;
  const took = ["The build took", seconds(report.seconds.total), report.exitCode ? "and failed, exit status " + report.exitCode : ""];
  if (off) {
    tiles([took, ["Steps", String(counted), "FROM not counted"]]);
    return;
  }
  tiles([
    ["Steps from the cache", known(report.hitRatio) ? Math.round(100 * report.hitRatio) + " %" : "none", counted ? hits + " of " + counted + (hits ? " from " + shown.hitsFrom : "") : "no step can be cached"],
    took,
    ["Saved", known(saved) ? seconds(saved) : "unknown", known(report.cost.savedUSD) ? dollars(report.cost.savedUSD) : ""],
    ["Cache overhead", seconds(report.overheadSeconds), overheadNote()],
    ["Cache written", ...written],
    ["Worth keeping", { keep: "yes", drop: "no" }[report.worth] || "not known yet", known(net) ? dollars(net) + " net for 100 builds" : ""],
  ]);
}

// overheadNote says why the overhead is less than the bars of import and export in the timeline: it is the time that they
// added to the build.
function overheadNote() {
  const spans = busy(activities.filter((a) => a.kind === "import" || a.kind === "export"), 0);
  const alongside = spans.reduce((sum, [from, to]) => sum + to - from, 0) - report.overheadSeconds;
  return "added by import and export" + (alongside >= 0.05 ? "; " + seconds(alongside) + " more alongside other work" : "");
}

function problems() {
  const failed = steps.filter((s) => s.error);
  if (failed.length || report.exitCode) {
    const list = element("ul");
    for (const step of failed) list.append(element("li", "", place(step), ": ", code(firstLine(step.instruction)), ": ", step.error));
    if (report.failure) list.prepend(element("li", "", capital(report.failure.reason) + "."));
    section("The build failed with exit status " + report.exitCode, list).classList.add("notice");
  }
  if (report.help) {
    section("What to do", element("p", "", capital(report.help.advice) + ". See "), code(report.help.address)).classList.add("notice", "warning");
  }
  if ((report.warnings || []).length) {
    const list = element("ul", "", ...report.warnings.map((text) => element("li", "", text)));
    section(report.warnings.length === 1 ? "1 warning" : report.warnings.length + " warnings", list).classList.add("notice", "warning");
  }
}

function misses() {
  if (!(shown.misses || []).length) return;
  section("First steps that had to run", element("p", "note", "A step that runs makes the later steps of its stage run too, except COPY --link."),
    table(["stage", "step", "why", "advice"], shown.misses.map((miss) => {
      const step = steps[miss.step];
      return [place(step), code(firstLine(step.instruction)), miss.cause === "unknown" ? "not known" : miss.cause, miss.advice || ""];
    })));
}

const marks = { cached: "◇ cached", run: "■ ran", failed: "✕ failed", base: "○ base" };

function stepTable() {
  const holder = element("div"), own = steps;
  const someCached = steps.some((step) => stateOf(step) === "cached");
  const build = () => [...groups(own, place)].map(([name, members]) => table(["#", "step", "result", ">start, s", ">seconds", ">last run"],
    members.map((step, i) => {
      const state = stateOf(step);
      const mark = element("span", "mark " + (state === "run" ? "ran" : state), marks[state]);
      const last = state === "cached" ? seconds(step.savedSeconds) : "";
      return { className: state === "cached" ? "cached" : "", cells: [String(step.index || i + 1), code(step.instruction), mark, step.start.toFixed(2), step.seconds.toFixed(2), last] };
    }), name, "steps"));
  const box = element("input");
  box.type = "checkbox";
  box.addEventListener("change", () => holder.classList.toggle("hide-cached", box.checked));
  const controls = someCached ? element("label", "controls note", box, " hide cached steps") : "";
  const note = someCached ? element("p", "note", "“Last run” is how long a cached step took when it last ran.") : "";
  if (steps.length <= 150) {
    holder.append(...build());
    section("Steps", note, controls, holder);
    return;
  }
  const fold = foldable("", "All " + steps.filter((step) => !isFrom(step)).length + " steps", "", () => { holder.append(...build()); return [controls, holder]; }, false);
  addEventListener("beforeprint", () => { fold.open = true; });
  section("Steps", note, fold);
}

const partTones = {
  setup: "--neutral", login: "--context", "cache import": "--import", build: "--run", "image push": "--push", "cache export": "--export",
  "mount save": "--save", finish: "--neutral", other: "--line",
};

function time() {
  const shares = element("div", "parts");
  shares.setAttribute("aria-hidden", "true");
  shown.parts.forEach((part) => {
    if (part.seconds < 0.005) return;
    const share = element("div", "", part.seconds > report.seconds.total / 9 ? part.name : "");
    share.style.flex = String(part.seconds);
    share.style.setProperty("--tone", "var(" + (partTones[part.name] || "--line") + ")");
    explain(share, part.name + " " + seconds(part.seconds));
    shares.append(share);
  });
  const total = report.seconds.total;
  const rows = shown.parts.map((part) => [part.name, part.seconds.toFixed(2), total > 0 ? Math.round(100 * part.seconds / total) + " %" : ""]);
  rows.push({ className: "total", cells: ["total", total.toFixed(2), ""] });
  return element("section", "", element("h2", "", "Where the time went"), element("p", "note", "The wall-clock time that each part added. “Finish” is the stop of the builder and the write of the cache's record; “other” is everything else, such as the start and end of buildx."),
    shares, table(["part", ">seconds", ">share"], rows));
}

function savings() {
  const path = report.criticalPath, cost = report.cost;
  const rows = [];
  if (path) {
    rows.push(["longest chain of steps without the cache", seconds(path.withoutCacheSeconds)]);
    rows.push(["longest chain of steps in this build", "− " + seconds(path.withCacheSeconds)]);
    rows.push(["import and export of the cache", "− " + seconds(report.overheadSeconds)]);
  }
  rows.push({ className: "total", cells: ["time saved", seconds(report.savedSeconds)] });
  rows.push(["price of that time", dollars(cost.savedUSD)]);
  rows.push(["storing the cache for a month" + (cost.cacheBytes ? " (" + megabytes(cost.cacheBytes) + ")" : ""), dollars(cost.storageUSDPerMonth)]);
  if (known(cost.netUSDPer100Builds)) rows.push(["net for 100 builds like this one", dollars(cost.netUSDPer100Builds)]);
  const lines = element("ul", "", ...(cost.arithmetic || []).map((text) => element("li", "", text)));
  return element("section", "", element("h2", "", "What the cache saved"), element("p", "note", capital(shown.worth)),
    table(["", ">"], rows), (cost.arithmetic || []).length ? lines : null);
}

function mountTable() {
  if (!shown.mounts) return;
  const made = section("Cache mounts", element("p", "note", capital(shown.mounts.replace(/^cache mounts: /, "")) + "."));
  if (!mounts.length) return;
  const size = (bytes) => (bytes / 1e6).toFixed(1);
  made.append(table(["mount", "restored from", ">files", ">MB", ">seconds", ">files read", ">MB saved", ">seconds", ">MB stored", "note"], mounts.map((mount, i) => [
    code(mount.id), mount.restored ? code(mount.from || "") : "not restored",
    ...(mount.restored ? [String(mount.files), size(mount.bytes), mount.restoreSeconds.toFixed(2), known(mount.readFiles) ? String(mount.readFiles) : "unknown"] : ["", "", "", ""]),
    ...(mount.saved ? [size(mount.uploadedBytes), mount.saveSeconds.toFixed(2)] : ["", ""]),
    known(mount.storedBytes) ? size(mount.storedBytes) : "unknown", shown.mountNotes[i],
  ])));
}

const found = { cache: "✓ a cache", image: "! an image, not a cache", absent: "○ no cache yet", "no-repository": "! no such repository", unknown: "? not known" };
const exported = { yes: "written", unchanged: "already up to date", failed: "could not be written" };

function cacheTable() {
  const rows = caches.map((cache) => [code(cache.ref), "import: " + (found[cache.found] || cache.found), cache.problem || ""]);
  if (report.refs.export) rows.push([code(report.refs.export), "export: " + (exported[report.exported] || "not written"), ""]);
  const made = section("Caches and builder", element("p", "note", "Builder " + report.builder + (report.builderReason ? " (" + report.builderReason + ")" : "")
    + (report.frontend ? ". The step names come from the frontend " + report.frontend : "")
    + (report.imageDigest ? ". Image " + report.imageDigest : "") + "."));
  if (rows.length) made.append(table(["ref", "result", "problem"], rows));
}

show();
