// The page: playground, programs, radix tree, counts at a glance.

import { counts, events, read, send } from "./api.js";

const $ = (id) => document.getElementById(id);
const EXAMPLES = {
  json_schema: JSON.stringify({ type: "object", properties: { name: { type: "string" }, age: { type: "integer" }, city: { type: "string" } },
    required: ["name", "age", "city"], additionalProperties: false }, null, 2),
  regex: "[A-Z][a-z]+, [0-9]{1,3}",
  choices: "positive\nneutral\nnegative",
  ebnf: 'start: "yes" | "no"',
  tools: JSON.stringify([{ type: "function", function: { name: "get_weather", description: "Weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } } }], null, 2),
};

// -- small things ------------------------------------------------------------------------------------------------------

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function list(target, pairs) {
  target.replaceChildren(...pairs.map(([name, value]) => {
    const pair = element("div");
    pair.append(element("dt", name), element("dd", value));
    return pair;
  }));
}

function complain(error) {
  if (error.name !== "AbortError") $("problem").textContent = error.message;
}

// -- playground --------------------------------------------------------------------------------------------------------

let running = null;

function constraint() {
  const kind = $("kind").value, text = $("constraint").value;
  if (kind === "json_schema") return { kind, schema: text };
  if (kind === "regex") return { kind, pattern: text };
  if (kind === "choices") return { kind, texts: text.split("\n").filter(Boolean) };
  if (kind === "ebnf") return { kind, grammar: text };
  return null;
}

function messages() {
  const system = $("system").value.trim();
  return [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: $("prompt").value }];
}

async function pieces() {
  if ($("mode").value === "plain") return [{ text: $("prompt").value, special: false }];
  const { text } = await send("/v1/states/render", { messages: messages(), open_assistant: true });
  return [{ text, special: true }];
}

function showToken([id, kind, logprob, top, text]) {
  const span = element("span", text, kind);
  span.title = kind === "forced" ? "forced: the constraint leaves no choice" : `token ${id}, log-probability ${logprob?.toFixed(3)}`;
  if (top.length) span.addEventListener("click", () => showLikely(top));
  $("answer").append(span);
}

function showLikely(top) {
  const rows = top.map(([, text, logprob]) => {
    const row = element("tr");
    row.append(element("td", JSON.stringify(text)), element("td", `${(100 * Math.exp(logprob)).toFixed(1)} %`));
    return row;
  });
  $("likely").querySelector("tbody").replaceChildren(...rows);
  $("likely").hidden = false;
}

function showUsage(usage, finish) {
  const rate = usage.seconds > 0 ? usage.generated / usage.seconds : 0;
  list($("counts"), [["prompt", usage.prompt], ["cached", usage.cached], ["generated", usage.generated], ["forced", usage.forced],
    ["first token", usage.first_token_seconds === null ? "-" : `${(1000 * usage.first_token_seconds).toFixed(0)} ms`],
    ["tokens a second", rate.toFixed(0)], ["ended by", finish.reason]]);
}

async function generate() {
  const params = { max_tokens: Number($("max").value), temperature: Number($("temperature").value), seed: Number($("seed").value),
    logprobs: true, top_logprobs: 5 };
  const body = { pieces: await pieces(), params, constraint: constraint() };
  for await (const event of events("/v1/states/generate", body, running.signal)) {
    if (event.tokens) event.tokens.forEach(showToken);
    else $("answer").append(event.text);
    if (event.usage) showUsage(event.usage, event.finish);
  }
}

async function callTools() {
  const body = { model: $("model").textContent, messages: messages(), tools: JSON.parse($("constraint").value), stream: true,
    max_tokens: Number($("max").value), temperature: Number($("temperature").value) };
  for await (const event of events("/v1/chat/completions", body, running.signal)) {
    const delta = event.choices[0]?.delta ?? {};
    if (delta.content) $("answer").append(element("span", delta.content, "sampled"));
    for (const call of delta.tool_calls ?? []) {
      if (call.function.name) $("answer").append(element("span", `\n${call.function.name} `, "forced"));
      if (call.function.arguments) $("answer").append(element("span", call.function.arguments, "sampled"));
    }
  }
}

async function onAsk(submitted) {
  submitted.preventDefault();
  for (const id of ["answer", "counts"]) $(id).replaceChildren();
  $("problem").textContent = "";
  $("likely").hidden = true;
  running = new AbortController();
  $("go").disabled = true;
  $("stop").disabled = false;
  try { await ($("kind").value === "tools" ? callTools() : generate()); } catch (error) { complain(error); }
  $("go").disabled = false;
  $("stop").disabled = true;
}

function onKind() {
  const kind = $("kind").value;
  $("constraint-label").hidden = !kind;
  $("constraint").value = EXAMPLES[kind] ?? "";
}

// -- programs ----------------------------------------------------------------------------------------------------------

let chosen = null;

async function showPrograms() {
  const { programs } = await read("/v1/programs");
  if (!programs.length) $("names").replaceChildren(element("li", "None: start the server with --programs app.py", "quiet"));
  else $("names").replaceChildren(...programs.map((one) => {
    const item = element("li"), button = element("button", one.name);
    button.title = one.description;
    button.addEventListener("click", () => {
      chosen = one.name;
      const names = Object.keys(one.arguments.properties ?? {});
      $("arguments").value = JSON.stringify(Object.fromEntries(names.map((name) => [name, ""])), null, 2);
      $("run").disabled = false;
    });
    item.append(button);
    return item;
  }));
}

function traceLine(event) {
  const line = element("li"), branch = event.branch?.length ? ` [${event.branch.join(".")}]` : "";
  const detail = event.text ?? event.reason ?? JSON.stringify(event.value ?? event.call ?? "");
  line.append(element("b", event.type + branch), ` ${event.name ?? ""} ${detail}`);
  return line;
}

async function onRun() {
  $("trace").replaceChildren();
  $("value").textContent = "";
  try {
    for await (const event of events(`/v1/programs/${chosen}?stream=true`, JSON.parse($("arguments").value))) {
      if (event.type === "done") $("value").textContent = JSON.stringify(event.value, null, 2);
      else $("trace").append(traceLine(event));
    }
  } catch (error) { $("value").textContent = error.message; }
}

// -- radix tree --------------------------------------------------------------------------------------------------------

async function showTree() {
  const { pages, nodes, page_size } = await read("/v1/cache");
  list($("pages"), [["pages", pages.total], ["free", pages.free], ["cached", pages.cached], ["in use", pages.private], ["tokens a page", page_size]]);
  const longest = Math.max(1, ...nodes.map((node) => node.end - node.start));
  $("nodes").replaceChildren(...nodes.map((node) => {
    const item = element("li"), meter = element("meter");
    meter.max = longest;
    meter.value = node.end - node.start;
    const marks = (node.locks ? " locked" : "") + (node.pinned ? " pinned" : "");
    item.append(element("span", "\u00a0".repeat(2 * node.depth)), meter, element("span", `${node.end - node.start}${marks}`, "quiet"),
      element("span", node.text, "text"));
    return item;
  }));
}

// -- always ------------------------------------------------------------------------------------------------------------

async function glance() {
  try {
    const now = await counts();
    list($("glance"), [["running", now.num_requests_running], ["waiting", now.num_requests_waiting],
      ["cache", `${(100 * now.kv_cache_usage_perc).toFixed(1)} %`], ["forced", now.forced_tokens_total], ["sampled", now.sampled_tokens_total]]);
    if (!$("tree").hidden) await showTree();
  } catch (error) { list($("glance"), [["engine", error.message]]); }
}

function show(view) {
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== view;
  for (const tab of document.querySelectorAll("[role=tab]")) tab.setAttribute("aria-selected", String(tab.dataset.view === view));
  if (view === "programs") showPrograms().catch(complain);
  if (view === "tree") showTree().catch(complain);
}

for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => show(tab.dataset.view));
$("ask").addEventListener("submit", onAsk);
$("stop").addEventListener("click", () => running?.abort());
$("kind").addEventListener("change", onKind);
$("run").addEventListener("click", onRun);
read("/model_info").then((info) => { $("model").textContent = info.model_path; }).catch(complain);
glance();
setInterval(glance, 2000);
