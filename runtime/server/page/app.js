// The page: its tabs, and what is always seen.

import { counts, read } from "./api.js";
import * as constraint from "./constraint.js";
import { $, list } from "./dom.js";
import { note, showCharts } from "./metrics.js";
import * as play from "./play.js";
import * as programs from "./programs.js";
import { showTree } from "./tree.js";

const GLANCE_MILLISECONDS = 2000;
const SHOW = { programs: programs.showPrograms, tree: showTree, metrics: async () => showCharts() };
const AGAIN = { ...SHOW, programs: programs.showRuns };

function complain(error) {
  $("trouble").textContent = error.message;
  $("trouble").hidden = false;
}

async function glance() {
  try {
    const now = await counts();
    note(now);
    list($("glance"), [["running", now.num_requests_running], ["waiting", now.num_requests_waiting],
      ["cache", `${(100 * now.kv_cache_usage_perc).toFixed(1)} %`], ["forced", now.forced_tokens_total], ["sampled", now.sampled_tokens_total]]);
    await AGAIN[document.querySelector("[aria-selected=true]").dataset.view]?.();
    $("trouble").hidden = true;
  } catch (error) { complain(error); }
}

function show(view) {
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== view;
  for (const tab of document.querySelectorAll("[role=tab]")) tab.setAttribute("aria-selected", String(tab.dataset.view === view));
  SHOW[view]?.().catch(complain);
}

for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => show(tab.dataset.view));
for (const part of [constraint, play, programs]) part.begin();
read("/model_info").then((info) => { $("model").textContent = info.model_path; }).catch(complain);
glance();
setInterval(glance, GLANCE_MILLISECONDS);
