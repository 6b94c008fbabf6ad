// The radix tree: each node a line, its length a bar.

import { read } from "./api.js";
import { $, element, list } from "./dom.js";

export async function showTree() {
  const { pages, nodes, page_size } = await read("/v1/cache");
  list($("pages"), [["pages", pages.total], ["free", pages.free], ["cached", pages.cached], ["in use", pages.private], ["tokens a page", page_size]]);
  const longest = Math.max(1, ...nodes.map((node) => node.end - node.start));
  $("nodes").replaceChildren(...nodes.map((node) => nodeLine(node, longest)));
  if (!nodes.length) $("nodes").replaceChildren(element("li", "Nothing is kept yet", "quiet"));
}

function nodeLine(node, longest) {
  const item = element("li"), bar = element("meter");
  item.style.paddingLeft = `${1.1 * Math.min(node.depth, 12)}em`;
  bar.max = longest;
  bar.value = node.end - node.start;
  bar.title = `tokens ${node.start} to ${node.end}, idle for ${node.idle_seconds.toFixed(0)} s`;
  const marks = (node.locks ? " locked" : "") + (node.pinned ? " pinned" : "");
  item.append(bar, element("span", `${node.end - node.start}${marks}`, "quiet size"), element("span", node.text, "text"));
  return item;
}
