"use strict";
// The page reads well without this. It sorts tables, filters findings, copies queries,
// changes the theme and shows figures under the pointer; it asks nothing of the network.

const root = document.documentElement;

function make(name, attributes, text) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Theme: as the system says, until somebody chooses.
const toggle = document.getElementById("theme");
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches);
const nameToggle = () => { toggle.textContent = isDark() ? "Light" : "Dark"; };
toggle.hidden = false;
toggle.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; nameToggle(); });
systemIsDark.addEventListener("change", nameToggle);
nameToggle();

// Tables: a click on a heading sorts by it, numbers from the largest.
function value(cell) {
  const number = cell.dataset.v;
  return number === undefined ? cell.textContent.trim().toLowerCase() : number === "" ? -Infinity : Number(number);
}
function sortTable(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const head = heads[column];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const isNumber = rows.some((row) => row.cells[column].dataset.v !== undefined);
  const now = head.getAttribute("aria-sort");
  const down = now ? now === "ascending" : isNumber;
  rows.sort((a, b) => {
    const [x, y] = [value(a.cells[column]), value(b.cells[column])];
    const order = x < y ? -1 : x > y ? 1 : 0;
    return down ? -order : order;
  });
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
}
for (const table of document.querySelectorAll("table.sort")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (!head.textContent.trim()) return;
    const button = make("button", { type: "button" }, head.textContent.trim());
    button.addEventListener("click", () => sortTable(table, column));
    head.replaceChildren(button);
  });
}

// Findings: by words, by severity, with or without the allowed ones.
const findings = [...document.querySelectorAll("details.finding")];
const tools = document.getElementById("tools");
if (tools && findings.length) {
  const words = make("input", { type: "search", placeholder: "Filter by name, detector, address …", "aria-label": "Filter findings" });
  const least = make("select", { "aria-label": "Least severity" });
  [["1", "All severities"], ["2", "Low and up"], ["3", "Medium and up"], ["4", "High and up"], ["5", "Critical"]]
    .forEach(([number, text]) => least.append(make("option", { value: number }, text)));
  const all = make("button", { type: "button" }, "Open all");
  const shown = make("span", { "aria-live": "polite" });
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    for (const one of findings) {
      const text = one.querySelector("summary").textContent.toLowerCase() + " " + (one.dataset.words || "").toLowerCase();
      const fits = Number(one.dataset.severity) >= Number(least.value) && wanted.every((word) => text.includes(word));
      one.hidden = !fits;
      number += fits;
    }
    shown.textContent = number === findings.length ? "" : `${number} of ${findings.length}`;
  };
  words.addEventListener("input", apply);
  least.addEventListener("change", apply);
  all.addEventListener("click", () => {
    const open = findings.some((one) => !one.hidden && !one.open);
    for (const one of findings) if (!one.hidden) one.open = open;
    all.textContent = open ? "Close all" : "Open all";
  });
  tools.append(words, least, all, shown);
  tools.hidden = false;
}
function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  const around = target.closest("details");
  if (around) around.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();
addEventListener("beforeprint", () => { for (const one of findings) one.open = true; });

// Queries: one click copies.
for (const box of document.querySelectorAll(".sql")) {
  const button = make("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    const text = box.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(box.querySelector("pre"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  box.append(button);
}

// Figures under the pointer: the pictures' own titles, without the wait.
const tip = make("div", { id: "tip", role: "presentation" });
tip.hidden = true;
document.body.append(tip);
document.addEventListener("pointermove", (event) => {
  const mark = event.target instanceof Element ? event.target.closest(".chart svg *, .maps svg *") : null;
  const title = mark && mark.querySelector(":scope > title");
  if (title && title.textContent) { mark.dataset.tip = title.textContent; title.textContent = ""; }
  const text = mark && mark.dataset.tip;
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const top = event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${top}px`;
});
