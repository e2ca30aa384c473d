// The timeline: one row for each step and activity, on an axis of seconds.
const kinds = {
  run: "ran", failed: "failed", cached: "cached", base: "base image", pull: "pulled", push: "pushed",
  import: "cache imported", export: "cache exported", context: "context sent", restore: "cache mount restored", save: "cache mount saved",
};
const states = { import: "imported", export: "exported", context: "sent", restore: "restored", save: "saved", base: "base", failed: "✕ failed" };

// foldFrom is the smallest number of successive cached steps that share a row.
const foldFrom = 3;
// closeFrom: with more rows than this, stages are closed at first.
const closeFrom = 400;

function isFrom(step) { return step.instruction.startsWith("FROM "); }

// stateOf returns the state of a step. FROM is neither cached nor run.
function stateOf(step) { return step.error ? "failed" : isFrom(step) ? "base" : step.cached ? "cached" : "run"; }

function timeline(steps, activities, total) {
  const end = Math.max(total, 0.001, ...ends(steps), ...ends(activities));
  const tick = niceTick(end);
  const chart = element("div", "timeline");
  chart.setAttribute("role", "group");
  chart.setAttribute("aria-label", "Timeline. The table of steps below has the same figures. Use the arrow keys to move between rows.");
  chart.style.setProperty("--tick", 100 * tick / end + "%");
  chart.append(axis(end, tick));
  const scale = { end, close: steps.length + activities.length > closeFrom };
  const last = (a) => ["push", "export", "save"].includes(a.kind);
  const inOrder = [...activities].sort((a, b) => a.start - b.start);
  for (const [name, members] of groups(inOrder.filter((a) => !last(a)), activityTitle)) {
    chart.append(group(name, "", members, activityRows(members, scale), true, scale));
  }
  for (const [name, members] of groups(steps, place)) {
    const counted = members.filter((s) => !isFrom(s));
    const note = counted.length && !off ? counted.filter((s) => s.cached).length + " of " + counted.length + " cached" : "";
    chart.append(group(name, note, members, () => stepRows(members, scale), !scale.close || members.some((s) => s.error), scale));
  }
  for (const [name, members] of groups(inOrder.filter(last), activityTitle)) {
    chart.append(group(name, "", members, activityRows(members, scale), true, scale));
  }
  walkable(chart);
  return chart;
}

function ends(list) {
  let last = 0;
  for (const entry of list) last = Math.max(last, entry.start + entry.seconds);
  return [last];
}

function activityTitle(activity) {
  return { pull: "Layers pulled", push: "Image pushed", import: "Cache imported", export: "Cache exported", context: "Build context", restore: "Cache mounts restored", save: "Cache mounts saved" }[activity.kind] || activity.kind;
}

function groups(list, nameOf) {
  const found = new Map();
  for (const entry of list) {
    const name = nameOf(entry);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(entry);
  }
  return found;
}

function niceTick(end) {
  const rough = end / 7, power = Math.pow(10, Math.floor(Math.log10(rough)));
  return [1, 2, 5, 10].find((n) => n * power >= rough) * power;
}

function axis(end, tick) {
  const track = element("div", "track");
  for (let i = 0; i * tick < end * 0.97; i++) {
    const mark = element("span", "tick", +(i * tick).toFixed(4) + " s");
    mark.style.left = 100 * i * tick / end + "%";
    track.append(mark);
  }
  return element("div", "row axis", element("div", "name", "seconds since the start"), track);
}

// group creates the rows of one stage or of one kind of activity. While it is closed, its title shows when it was busy.
function group(name, note, members, rows, open, scale) {
  const made = foldable("group", name, note, rows, open);
  const track = element("span", "track");
  for (const [from, to] of busy(members, scale.end / 300)) {
    const bar = element("span", "bar " + (members[0].kind || "run"));
    bar.style.left = 100 * from / scale.end + "%";
    bar.style.width = 100 * (to - from) / scale.end + "%";
    track.append(bar);
  }
  made.firstChild.append(track);
  return made;
}

// busy returns the times in which members ran. Times that are less than a gap apart are joined.
function busy(members, gap) {
  const spans = [];
  for (const m of members.filter((s) => !s.cached).sort((a, b) => a.start - b.start)) {
    const latest = spans[spans.length - 1];
    if (latest && m.start <= latest[1] + gap) latest[1] = Math.max(latest[1], m.start + m.seconds);
    else spans.push([m.start, m.start + m.seconds]);
  }
  return spans;
}

// foldable creates a section that can be opened. Its rows are created when it is first opened.
function foldable(className, name, note, rows, open) {
  const made = element("details", className, element("summary", "", element("div", "title", name, note ? element("span", "aside", note) : null)));
  const fill = () => { if (made.open && made.children.length === 1) made.append(...rows()); };
  made.open = open;
  fill();
  made.addEventListener("toggle", fill);
  return made;
}

function stepRows(steps, scale) {
  const rows = [];
  for (let i = 0; i < steps.length;) {
    let next = i;
    while (next < steps.length && stateOf(steps[next]) === "cached") next++;
    if (next - i >= foldFrom) {
      const run = steps.slice(i, next);
      const saved = run.reduce((sum, s) => sum + (s.savedSeconds || 0), 0);
      rows.push(foldable("fold", "◇ " + run.length + " cached steps", saved ? "took " + seconds(saved) + " when they last ran" : "",
        () => run.map((s) => stepRow(s, scale)), false));
      i = next;
      continue;
    }
    rows.push(stepRow(steps[i++], scale));
  }
  return rows;
}

function stepRow(step, scale) {
  const state = stateOf(step);
  const lines = [step.instruction, kinds[state] + (state === "cached" ? "" : " " + seconds(step.seconds) + ", started at " + step.start.toFixed(2) + " s")];
  if (known(step.savedSeconds)) lines.push("took " + seconds(step.savedSeconds) + " when it last ran");
  if (step.error) lines.push(step.error);
  return row(state, step.instruction, step, lines.join("\n"), scale);
}

function activityRows(activities, scale) {
  const longest = [...activities].sort((a, b) => b.seconds - a.seconds);
  const shown = new Set(longest.slice(0, 6));
  const line = (a) => row(a.kind, lastPart(a.label), a, [a.label, kinds[a.kind] + " " + seconds(a.seconds), megabytes(a.bytes)].filter(Boolean).join("\n"), scale);
  return () => {
    const rows = activities.filter((a) => shown.has(a)).map(line);
    const rest = activities.filter((a) => !shown.has(a));
    if (rest.length) rows.push(foldable("fold", rest.length + " shorter ones", "", () => rest.map(line), false));
    return rows;
  };
}

// lastPart leaves out the host and the path of a long ref.
function lastPart(label) { return label.length > 40 ? label.replace(/^\S*\/(?=[^\/\s]+(\s[^\s]*)*$)/, "…/") : label; }

function row(state, label, span, text, scale) {
  const bar = element("div", "bar " + state + (state === "cached" && span.seconds < scale.end / 200 ? " point" : ""));
  const left = 100 * Math.max(0, span.start) / scale.end, width = 100 * span.seconds / scale.end;
  bar.style.left = Math.min(left, 100) + "%";
  if (!bar.classList.contains("point")) bar.style.width = width + "%";
  const length = element("span", "length", state === "cached" ? "cached" : seconds(span.seconds));
  const room = state === "cached" ? 6 : 0;
  if (left + width < 82) length.style.left = "calc(" + (left + width) + "% + " + room + "px)";
  else if (width < 40) length.style.right = "calc(" + (100 - left) + "% + " + room + "px)";
  else bar.append(length);
  const made = element("div", "row", element("div", "name", element("span", "state " + state, states[state] || kinds[state] || state), code(label)), element("div", "track", bar, length.parentNode ? null : length));
  made.tabIndex = -1;
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", text);
  explain(made, text);
  return made;
}

// walkable makes the rows one stop of the tab key; the arrow keys move between rows.
function walkable(chart) {
  const first = chart.querySelector(".row[role=img]");
  if (first) first.tabIndex = 0;
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches(".row")) return;
    const rows = [...chart.querySelectorAll(".row[role=img]")].filter((r) => r.getClientRects().length);
    const next = rows[rows.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

function legend(steps, activities) {
  const list = element("ul", "legend");
  const present = new Set([...steps.map(stateOf), ...activities.map((a) => a.kind)]);
  for (const kind of Object.keys(kinds)) {
    if (present.has(kind)) list.append(element("li", "", element("span", "bar " + kind + (kind === "cached" ? " point" : "")), kinds[kind]));
  }
  return list;
}
