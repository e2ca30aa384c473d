"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
let page = document.getElementById("page"); // What sections are added to.
const tip = document.getElementById("tip");

// element creates an element. Strings become text nodes, never HTML.
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

function code(text) { return element("code", "", String(text)); }

function section(title, ...children) {
  const made = element("section", "", element("h2", "", title), ...children);
  page.append(made);
  return made;
}

function known(value) { return value !== null && value !== undefined; }

function seconds(value) {
  if (!known(value)) return "unknown";
  const size = Math.abs(value);
  return value.toFixed(size >= 10 ? 1 : 2) + " s";
}

function dollars(value) {
  return known(value) ? "USD " + value.toFixed(Math.abs(value) >= 0.1 ? 2 : 4) : "unknown";
}

function megabytes(bytes) { return bytes ? (bytes / 1e6).toFixed(1) + " MB" : ""; }

function place(step) { return [step.platform, step.stage].filter(Boolean).join(" ") || "Dockerfile"; }

function firstLine(text) {
  const end = text.indexOf("\n");
  return end < 0 ? text : text.slice(0, end) + " …";
}

// table creates a table. Columns whose name begins with ">" are aligned to the right. On narrow screens it scrolls sideways, with a shadow where it goes on.
function table(columns, rows, caption, className) {
  const head = element("tr");
  for (const column of columns) {
    const cell = element("th", column.startsWith(">") ? "figure" : "", column.replace(/^>/, ""));
    cell.scope = "col";
    head.append(cell);
  }
  const body = element("tbody");
  for (const row of rows) {
    const line = element("tr", row.className || "");
    (row.cells || row).forEach((cell, i) => line.append(element("td", columns[i].startsWith(">") ? "figure" : "", cell)));
    body.append(line);
  }
  return element("div", "scroll", element("table", className || "", caption ? element("caption", "", caption) : null, element("thead", "", head), body));
}

function tiles(entries) {
  const list = element("dl", "tiles");
  for (const [name, value, small] of entries) {
    list.append(element("div", "tile", element("dt", "", name), element("dd", "", value, small ? element("small", "", small) : null)));
  }
  page.append(list);
}

const tones = {
  "used": ["good", "✓"], "partly-used": ["middling", "◐"], "cold": ["neutral", "○"], "off": ["neutral", "–"],
  "missing": ["bad", "!"], "import-failed": ["bad", "!"], "overwritten": ["bad", "!"],
};

function headline(overline, title, tone, sign, reason) {
  const badge = element("span", "badge " + tone, sign);
  badge.setAttribute("aria-hidden", "true");
  document.title = title + (overline ? ", " + overline : "");
  page.append(element("header", "", element("div", "overline", "layercache" + (overline ? " · " + overline : "")),
    element("h1", "", badge, title), element("p", "reason", reason)));
}

function capital(text) { return text.charAt(0).toUpperCase() + text.slice(1); }

function when(text) {
  const date = new Date(text);
  if (!text || isNaN(date) || date.getUTCFullYear() < 2000) return "";
  return date.toISOString().slice(0, 19).replace("T", " ") + " UTC";
}

function hint(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(8, Math.min(x, innerWidth - box.width - 8)) + "px";
  tip.style.top = (y + box.height + 24 > innerHeight ? Math.max(8, y - box.height - 12) : y + 18) + "px";
}

// explain shows the text while the pointer or the focus is on the element.
function explain(target, text) {
  target.addEventListener("pointermove", (event) => hint(text, event.clientX, event.clientY));
  target.addEventListener("pointerleave", () => { tip.hidden = true; });
  target.addEventListener("focus", () => {
    const box = target.getBoundingClientRect();
    if (target.matches(":focus-visible")) hint(text, box.left + box.width / 3, box.bottom - 14);
  });
  target.addEventListener("blur", () => { tip.hidden = true; });
}

addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
