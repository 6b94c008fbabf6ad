"""A trace as one HTML page. Everything is in it: no script, no font, no picture from anywhere; text is only ever text.

html = page_of(trace)
"""

import math
from html import escape
from importlib.resources import files
from string import Template

from .trace import BranchSeen, Segment, TokenSeen, Trace, note_of

Path = tuple[int, ...]


def page_of(trace: Trace) -> str:
    """The whole page. Hovering a token shows its probability and the likeliest others."""
    frame = Template((files(__name__.rpartition(".")[0]) / "page.html").read_text())
    by_path = {branch.path: branch for branch in trace.branches}
    return frame.substitute(
        title=escape(trace.name), tree=_branch((), by_path), facts=_facts(trace)
    )


def _branch(path: Path, by_path: dict[Path, BranchSeen]) -> str:
    branch = by_path.get(path)
    if branch is None:
        return ""
    children = [p for p in sorted(by_path) if len(p) == len(path) + 1 and p[: len(path)] == path]
    forks = "".join(_branch(child, by_path) for child in children)
    title = f"<h2>branch {'.'.join(map(str, path))}</h2>" if path else ""
    text = "".join(_segment(segment) for segment in branch.segments)
    error = f'<p class="bad">{escape(branch.error)}</p>' if branch.error else ""
    inside = f'<div class="forks">{forks}</div>' if forks else ""
    return f'<section class="branch">{title}<pre>{text}</pre>{error}{inside}</section>'


def _segment(segment: Segment) -> str:
    if segment.kind in ("text", "frame"):
        return f'<span class="{segment.kind}">{escape(segment.text)}</span>'
    if segment.kind == "select":
        inside = f'<span class="select">{escape(segment.text)}</span>'
    elif segment.tokens:
        inside = "".join(_token(token) for token in segment.tokens)
    else:
        inside = f'<span class="sampled">{escape(segment.text)}</span>'
    note = f'<span class="note"> {escape(note_of(segment))}</span>' if segment.name else ""
    return f'<span class="gen">{inside}</span>{note}{_calls(segment)}'


def _token(token: TokenSeen) -> str:
    kind = "forced" if token.forced else "sampled"
    told: list[str] = ["forced: the constraint leaves no choice"] if token.forced else []
    if token.logprob is not None:
        told.append(f"{100 * math.exp(token.logprob):.1f} %")
    told += [f"{text!r} {100 * math.exp(p):.1f} %" for text, p in token.top]
    title = f' title="{escape("; ".join(told))}"' if told else ""
    return f'<span class="{kind}"{title}>{escape(token.text)}</span>'


def _calls(segment: Segment) -> str:
    lines = [
        f"<li>{escape(c['tool'])}({escape(c['arguments'])}) = {escape(c['result'])}</li>"
        for c in segment.calls
    ]
    if not lines:
        return ""
    return f"<details open><summary>tool calls</summary><ul>{''.join(lines)}</ul></details>"


def _facts(trace: Trace) -> str:
    usage = trace.usage
    counts = f"prompt {usage.prompt}, cached {usage.cached}, generated {usage.generated}, forced {usage.forced}"
    rows = [("tokens", counts), *trace.variables.items()]
    shown = "".join(f"<tr><td>{escape(n)}</td><td>{escape(v)}</td></tr>" for n, v in rows)
    if trace.error and trace.error not in [branch.error for branch in trace.branches]:
        shown += f'<tr><td>error</td><td class="bad">{escape(trace.error)}</td></tr>'
    return shown
