// Programs: the functions that are served, and every run on this server with what happens in it.

import { events, read } from "./api.js";
import { $, element, milliseconds } from "./dom.js";

let chosen = null;
let opened = null;

export async function showPrograms() {
  const { programs } = await read("/v1/programs");
  if (!programs.length) $("names").replaceChildren(element("li", "None: start the server with --programs app.py", "quiet"));
  else $("names").replaceChildren(...programs.map(programButton));
  await showRuns();
}

function programButton(one) {
  const item = element("li"), button = element("button");
  button.append(element("b", one.name), element("span", one.description, "quiet"));
  button.setAttribute("aria-pressed", String(one.name === chosen));
  button.addEventListener("click", () => {
    chosen = one.name;
    for (const other of document.querySelectorAll("#names button")) other.setAttribute("aria-pressed", String(other === button));
    const given = Object.entries(one.arguments.properties ?? {}).map(([name, kind]) => [name, kind.default ?? example(kind.type)]);
    $("arguments").value = JSON.stringify(Object.fromEntries(given), null, 2);
    $("run").disabled = false;
  });
  item.append(button);
  return item;
}

const example = (type) => ({ integer: 1, number: 1, boolean: false, array: [], object: {} })[type] ?? "";

export async function showRuns() {
  const { runs } = await read("/v1/runs");
  if (!runs.length) { $("runs").replaceChildren(element("li", "None yet", "quiet")); return; }
  if (!runs.some((run) => run.id === opened)) opened = null;
  $("runs").replaceChildren(...runs.map((run) => runItem(run, run.id === (opened ?? runs[0].id))));
}

function runItem(run, open) {
  const item = element("li"), head = element("button", undefined, "run");
  const state = run.running ? "running" : run.error ? "failed" : "done";
  head.append(element("b", run.program), element("span", state, `state ${state}`), element("span", milliseconds(run.seconds), "quiet"));
  head.setAttribute("aria-expanded", String(open));
  head.addEventListener("click", () => { opened = run.id; showRuns(); });
  item.append(head);
  if (!open) return item;
  const trace = element("ol", undefined, "trace");
  trace.append(...run.trace.map((entry) => traceLine(entry, run.seconds)));
  if (run.error) trace.append(element("li", run.error, "bad"));
  item.append(trace);
  return item;
}

function traceLine(entry, seconds) {
  const line = element("li"), branch = entry.branch?.length ? ` [${entry.branch.join(".")}]` : "", bar = element("span", undefined, "bar");
  const from = seconds ? entry.at / seconds : 0, width = seconds ? (entry.until - entry.at) / seconds : 0;
  const part = element("span", undefined, entry.type);
  part.style.marginLeft = `${100 * Math.min(from, 0.98)}%`;
  part.style.width = `${Math.max(2, 100 * width)}%`;
  bar.append(part);
  bar.title = `${milliseconds(entry.at)} to ${milliseconds(entry.until)}`;
  const detail = entry.text ?? entry.reason ?? entry.value ?? entry.call ?? "";
  line.append(bar, element("b", `${entry.name ?? ""}${branch}`), element("span", entry.type, "quiet"),
    element("span", typeof detail === "string" ? detail : JSON.stringify(detail), "said"));
  return line;
}

async function onRun() {
  $("value").textContent = $("run-problem").textContent = "";
  $("run").disabled = true;
  opened = null;
  const showing = setInterval(() => showRuns().catch(() => {}), 250);
  try {
    for await (const event of events(`/v1/programs/${chosen}?stream=true`, JSON.parse($("arguments").value))) {
      if (event.type === "done") $("value").textContent = JSON.stringify(event.value, null, 2);
    }
  } catch (error) { $("run-problem").textContent = error.message; }
  clearInterval(showing);
  $("run").disabled = false;
  await showRuns();
}

export function begin() {
  $("run").addEventListener("click", onRun);
}
