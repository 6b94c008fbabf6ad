// The playground: a prompt, its answer token by token, what was known before, and what it took.

import { events, send } from "./api.js";
import { constraint, tools } from "./constraint.js";
import { $, element, list, milliseconds } from "./dom.js";

let running = null;

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
  const likely = logprob === null ? "" : `, log-probability ${logprob.toFixed(3)}`;
  span.title = kind === "forced" ? "forced: the constraint leaves no choice" : `token ${id}${likely}`;
  if (top.length) span.addEventListener("click", () => showLikely(span, top));
  $("answer").append(span);
}

function showLikely(span, top) {
  for (const other of document.querySelectorAll(".chosen")) other.classList.remove("chosen");
  span.classList.add("chosen");
  const rows = top.map(([, text, logprob]) => {
    const row = element("tr"), bar = element("meter");
    bar.value = Math.exp(logprob);
    const cell = element("td");
    cell.append(bar);
    row.append(element("td", JSON.stringify(text)), cell, element("td", `${(100 * Math.exp(logprob)).toFixed(1)} %`));
    return row;
  });
  $("likely").querySelector("tbody").replaceChildren(...rows);
  $("likely").hidden = false;
}

function showUsage(usage, finish) {
  const rate = usage.seconds > 0 ? usage.generated / usage.seconds : 0;
  list($("counts"), [["prompt", usage.prompt], ["cached", usage.cached], ["generated", usage.generated], ["forced", usage.forced],
    ["first token", usage.first_token_seconds === null ? "-" : milliseconds(usage.first_token_seconds)],
    ["tokens a second", rate.toFixed(0)], ["ended by", finish.reason]]);
}

// The prompt as the model read it: what of it needed no computing, and the rest.
async function showPrompt(given, usage) {
  const { tokens } = await send("/tokenize", { prompt: given.text, add_special_tokens: given.special });
  const known = Math.max(0, usage.cached - (usage.prompt - tokens.length));
  const halves = [["cached", tokens.slice(0, known)], ["computed", tokens.slice(known)]].filter(([, ids]) => ids.length);
  const { text } = await send("/detokenize", { tokens: halves.map(([, ids]) => ids) });
  $("read").replaceChildren(...halves.map(([kind], at) => element("span", text[at], kind)));
  $("read-part").hidden = false;
}

async function generate() {
  const params = { max_tokens: Number($("max").value), temperature: Number($("temperature").value), seed: Number($("seed").value),
    logprobs: true, top_logprobs: 5 };
  const given = await pieces();
  let usage = null;
  for await (const event of events("/v1/states/generate", { pieces: given, params, constraint: constraint() }, running.signal)) {
    if (event.tokens) event.tokens.forEach(showToken);
    else $("answer").append(event.text);
    if (event.usage) { usage = event.usage; showUsage(usage, event.finish); }
  }
  if (usage) await showPrompt(given[0], usage);
}

// A call as it was read: its name when it begins, its arguments as they come.
function showCall({ index, function: { name, arguments: text } }) {
  if (name) {
    const item = element("li");
    item.append(element("b", `${name} `, "call"));
    $("calls").append(item);
    $("calls-part").hidden = false;
  }
  if (text) $("calls").children[index].append(text);
}

// The answer as the model writes it, and the calls that are read from it.
async function callTools() {
  const body = { model: $("model").textContent, messages: messages(), tools: tools(), stream: true,
    stream_options: { include_usage: true }, return_tokens: true, logprobs: true, top_logprobs: 5,
    max_tokens: Number($("max").value), temperature: Number($("temperature").value), seed: Number($("seed").value) };
  let reason = "", forced = 0;
  for await (const event of events("/v1/chat/completions", body, running.signal)) {
    const { delta = {}, finish_reason, tokens = [] } = event.choices[0] ?? {};
    reason = finish_reason ?? reason;
    tokens.forEach(showToken);
    forced += tokens.filter(([, kind]) => kind === "forced").length;
    for (const call of delta.tool_calls ?? []) showCall(call);
    if (event.usage) list($("counts"), [["prompt", event.usage.prompt_tokens], ["cached", event.usage.prompt_tokens_details.cached_tokens],
      ["generated", event.usage.completion_tokens], ["forced", forced], ["ended by", reason]]);
  }
}

async function onAsk(submitted) {
  submitted.preventDefault();
  for (const id of ["answer", "calls", "counts", "read"]) $(id).replaceChildren();
  $("problem").textContent = "";
  for (const id of ["likely", "calls-part", "read-part"]) $(id).hidden = true;
  running = new AbortController();
  $("go").disabled = true;
  $("stop").disabled = false;
  try { await ($("kind").value === "tools" ? callTools() : generate()); } catch (error) {
    if (error.name !== "AbortError") $("problem").textContent = error.message;
  }
  $("go").disabled = false;
  $("stop").disabled = true;
}

export function begin() {
  $("ask").addEventListener("submit", onAsk);
  $("stop").addEventListener("click", () => running?.abort());
}
