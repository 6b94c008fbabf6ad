// The constraint of the playground: its kind, its text, fields for a flat schema, and whether it can be enforced.

import { send } from "./api.js";
import { $, element, settled } from "./dom.js";

const SCHEMA = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" }, city: { type: "string" } },
  required: ["name", "age", "city"], additionalProperties: false };
const TOOL = { type: "function", function: { name: "get_weather", description: "Weather in a city", parameters: { type: "object",
  properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } } };
const EXAMPLES = {
  json_schema: JSON.stringify(SCHEMA, null, 2),
  regex: "[A-Z][a-z]+, [0-9]{1,3}",
  choices: "positive\nneutral\nnegative",
  ebnf: 'start: "yes" | "no"',
  tools: JSON.stringify([TOOL], null, 2),
};
const TYPES = ["string", "integer", "number", "boolean", "null"];
const FLAT = ["type", "properties", "required", "additionalProperties"];

export function constraint() {
  const kind = $("kind").value, text = $("constraint").value;
  if (kind === "json_schema") return { kind, schema: text };
  if (kind === "regex") return { kind, pattern: text };
  if (kind === "choices") return { kind, texts: text.split("\n").filter(Boolean) };
  if (kind === "ebnf") return { kind, grammar: text };
  return null;
}

export const tools = () => JSON.parse($("constraint").value);

// The rows of an object of plain fields; null for any other schema.
function rowsOf(text) {
  let schema;
  try { schema = JSON.parse(text); } catch { return null; }
  if (schema?.type !== "object" || !schema.properties || Object.keys(schema).some((name) => !FLAT.includes(name))) return null;
  const plain = Object.values(schema.properties).every((p) => TYPES.includes(p?.type) && Object.keys(p).length === 1);
  if (!plain || schema.additionalProperties !== false) return null;
  return Object.entries(schema.properties).map(([name, p]) => ({ name, type: p.type, required: (schema.required ?? []).includes(name) }));
}

function write(rows) {
  const schema = { type: "object", properties: Object.fromEntries(rows.map((row) => [row.name, { type: row.type }])),
    required: rows.filter((row) => row.required).map((row) => row.name), additionalProperties: false };
  $("constraint").value = JSON.stringify(schema, null, 2);
  check();
}

function fieldRow(rows, at) {
  const row = rows[at], line = element("li"), name = element("input"), type = element("select");
  const needed = element("input"), label = element("label", " required"), gone = element("button", "×");
  name.value = row.name;
  name.setAttribute("aria-label", "Name of the field");
  name.addEventListener("change", () => { row.name = name.value; write(rows); showFields(); });
  type.setAttribute("aria-label", `Type of ${row.name}`);
  type.append(...TYPES.map((one) => element("option", one)));
  type.value = row.type;
  type.addEventListener("change", () => { row.type = type.value; write(rows); });
  needed.type = "checkbox";
  needed.checked = row.required;
  needed.addEventListener("change", () => { row.required = needed.checked; write(rows); });
  label.prepend(needed);
  gone.type = "button";
  gone.title = `Remove ${row.name}`;
  gone.addEventListener("click", () => { rows.splice(at, 1); write(rows); showFields(); });
  line.append(name, type, label, gone);
  return line;
}

function showFields() {
  const rows = $("kind").value === "json_schema" ? rowsOf($("constraint").value) : null;
  $("fields-part").hidden = rows === null;
  if (rows !== null) $("fields").replaceChildren(...rows.map((_, at) => fieldRow(rows, at)));
}

function addField() {
  const rows = rowsOf($("constraint").value) ?? [];
  let number = rows.length + 1;
  while (rows.some((row) => row.name === `field${number}`)) number += 1;
  write([...rows, { name: `field${number}`, type: "string", required: true }]);
  showFields();
}

function say(text, good) {
  $("verdict").textContent = text;
  $("verdict").className = good ? "good" : "bad";
}

const check = settled(async () => {
  const kind = $("kind").value, text = $("constraint").value;
  if (!kind) return;
  try {
    if (kind === "tools") say(`tools offered: ${tools().length}`, true);
    else { await send("/v1/states/check", { constraint: constraint() }); say("enforced exactly", true); }
  } catch (error) { if ($("constraint").value === text) say(error.message, false); }
});

function onKind() {
  const kind = $("kind").value;
  $("constraint-part").hidden = !kind;
  $("constraint").value = EXAMPLES[kind] ?? "";
  say("", true);
  showFields();
  check();
}

export function begin() {
  $("kind").addEventListener("change", onKind);
  $("constraint").addEventListener("input", () => { showFields(); check(); });
  $("add-field").addEventListener("click", addField);
}
