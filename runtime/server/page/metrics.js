// Counts over the last minutes, drawn as lines. All of it is what /metrics says.

import { $, element } from "./dom.js";

const KEPT = 90;
const SVG = "http://www.w3.org/2000/svg";
const seen = [];
const rate = (name) => (now, before) => (now[name] - before[name]) / (now.at - before.at);
const share = (part, whole) => (now, before) => {
  const all = now[whole] - before[whole];
  return all > 0 ? (100 * (now[part] - before[part])) / all : null;
};
const mean = (name) => (now, before) => {
  const count = now[`${name}_count`] - before[`${name}_count`];
  return count > 0 ? (1000 * (now[`${name}_sum`] - before[`${name}_sum`])) / count : null;
};
const CHARTS = [
  ["tokens drawn a second", rate("sampled_tokens_total"), 0],
  ["tokens forced a second", rate("forced_tokens_total"), 0],
  ["requests running", (now) => now.num_requests_running, 0],
  ["requests waiting", (now) => now.num_requests_waiting, 0],
  ["KV pool in use, %", (now) => 100 * now.kv_cache_usage_perc, 1],
  ["prompt found in the tree, %", share("prefix_cache_hits_total", "prefix_cache_queries_total"), 0],
  ["time to first token, ms", mean("time_to_first_token_seconds"), 1],
  ["time per token after it, ms", mean("request_time_per_output_token_seconds"), 2],
  ["steps a second", rate("engine_steps_total"), 0],
];

export function note(now) {
  seen.push({ at: performance.now() / 1000, ...now });
  if (seen.length > KEPT) seen.shift();
}

export function showCharts() {
  $("charts").replaceChildren(...CHARTS.map(([title, measure, digits]) => {
    const values = seen.slice(1).map((now, at) => measure(now, seen[at]));
    const last = values.findLast((value) => value !== null && Number.isFinite(value));
    const card = element("figure"), caption = element("figcaption", title);
    card.append(caption, element("strong", last === undefined ? "–" : last.toFixed(digits)), line(values));
    return card;
  }));
}

// A line that has gaps where nothing was measured; its highest point is the top.
function line(values) {
  const known = values.map((value) => (Number.isFinite(value) ? value : null));
  const most = Math.max(1e-9, ...known.filter((value) => value !== null));
  const drawing = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  let open = false;
  const steps = known.map((value, at) => {
    if (value === null) { open = false; return ""; }
    const step = `${open ? "L" : "M"}${100 - (100 * (known.length - 1 - at)) / (KEPT - 2)} ${38 - (36 * value) / most}`;
    open = true;
    return step;
  });
  path.setAttribute("d", steps.join("") || "M0 38");
  drawing.setAttribute("viewBox", "0 0 100 40");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(path);
  return drawing;
}
