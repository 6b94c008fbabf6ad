// The server's routes as functions. Nothing here touches the page.

export async function ask(method, path, body, signal) {
  const init = { method, signal, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) init.body = JSON.stringify(body);
  const reply = await fetch(path, init);
  if (!reply.ok) throw new Error(await reason(reply));
  return reply;
}

export const read = async (path) => (await ask("GET", path)).json();
export const send = async (path, body) => (await ask("POST", path, body)).json();

async function reason(reply) {
  const text = await reply.text();
  try { return JSON.parse(text).error.message; } catch { return `${reply.status}: ${text.slice(0, 200)}`; }
}

// Events of a server-sent stream, as they come. Throws what an error event says.
export async function* events(path, body, signal) {
  const reply = await ask("POST", path, body, signal);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}

// The plain counts of /metrics, by name; labelled ones with their labels.
export async function counts() {
  const text = await (await ask("GET", "/metrics")).text();
  const found = {};
  for (const line of text.split("\n")) {
    const cut = line.lastIndexOf(" ");
    if (line && line[0] !== "#") found[line.slice(0, cut).replace("trellis:", "")] = Number(line.slice(cut + 1));
  }
  return found;
}
