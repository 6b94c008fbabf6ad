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
  span.title = kind === "forced" ? "forced: the constraint leaves no choice" : `token ${id}, log-probability ${logprob?.toFixed(3)}`;
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

async function callTools() {
  const body = { model: $("model").textContent, messages: messages(), tools: tools(), stream: true,
    stream_options: { include_usage: true }, max_tokens: Number($("max").value), temperature: Number($("temperature").value),
    seed: Number($("seed").value) };
  let reason = "";
  for await (const event of events("/v1/chat/completions", body, running.signal)) {
    const { delta = {}, finish_reason } = event.choices[0] ?? {};
    reason = finish_reason ?? reason;
    if (delta.content) $("answer").append(element("span", delta.content, "sampled"));
    for (const call of delta.tool_calls ?? []) {
      if (call.function.name) $("answer").append(element("b", `${call.function.name} `, "call"));
      if (call.function.arguments) $("answer").append(call.function.arguments);
    }
    if (event.usage) list($("counts"), [["prompt", event.usage.prompt_tokens], ["cached", event.usage.prompt_tokens_details.cached_tokens],
      ["generated", event.usage.completion_tokens], ["ended by", reason]]);
  }
}

async function onAsk(submitted) {
  submitted.preventDefault();
  for (const id of ["answer", "counts", "read"]) $(id).replaceChildren();
  $("problem").textContent = "";
  $("likely").hidden = $("read-part").hidden = true;
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
