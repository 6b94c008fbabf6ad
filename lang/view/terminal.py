"""A trace as a tree for rich: forks side by side as branches, answers in colour, counts behind them."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from .trace import BranchSeen, Segment, Trace, note_of

STYLES: Mapping[str, str] = {
    "text": "",
    "frame": "dim",
    "sampled": "bold cyan",
    "forced": "green",
    "select": "bold magenta",
    "note": "dim italic",
}


def tree_of(trace: Trace) -> RenderableType:
    """The run: its branches as a tree, then what it came to."""
    by_path = {branch.path: branch for branch in trace.branches}
    nodes: dict[tuple[int, ...], Tree] = {}
    for path in sorted(by_path, key=lambda p: (len(p), p)):
        above = next((p for p in _ancestors(path) if p in nodes), None)
        title = trace.name if not path else f"branch {'.'.join(map(str, path))}"
        label = Group(Text(title, "bold"), _content(by_path[path]))
        nodes[path] = Tree(label) if above is None else nodes[above].add(label)
    return Group(*(node for path, node in nodes.items() if not path), _summary(trace))


def legend() -> Text:
    """What the colours mean."""
    words = (
        ("prompt", "text"),
        ("template", "frame"),
        ("generated", "sampled"),
        ("forced", "forced"),
        ("selected", "select"),
    )
    return Text(" ").join(Text(word, STYLES[style] or "default") for word, style in words)


def _ancestors(path: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [path[:end] for end in range(len(path) - 1, -1, -1)]


def _content(branch: BranchSeen) -> Text:
    shown = Text()
    for segment in branch.segments:
        shown.append_text(_segment(segment))
    if branch.error:
        shown.append(f"\n{branch.error}", "red")
    return shown


def _segment(segment: Segment) -> Text:
    if segment.kind in ("text", "frame"):
        return Text(segment.text, STYLES[segment.kind])
    shown = Text()
    if segment.kind == "select":
        shown.append(segment.text, STYLES["select"])
    elif segment.tokens:
        for token in segment.tokens:
            shown.append(token.text, STYLES["forced" if token.forced else "sampled"])
    else:
        shown.append(segment.text, STYLES["sampled"])
    return shown.append(f" [{note_of(segment)}]", STYLES["note"]) if segment.name else shown


def _summary(trace: Trace) -> RenderableType:
    usage = trace.usage
    line = Text(
        f"prompt {usage.prompt}, cached {usage.cached}, generated {usage.generated}, forced {usage.forced}"
    )
    for name, value in trace.variables.items():
        line.append(f"\n{name} = ", "bold").append(f"{value:.200}")
    if trace.error and trace.error not in [branch.error for branch in trace.branches]:
        line.append(f"\n{trace.error}", "red")
    return Panel(line, title=legend(), title_align="left", expand=False)
