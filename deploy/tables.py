"""Writes the tables of README.md beside this file from the code: settings, limits, metrics, operators' routes.

python deploy/tables.py             # writes them anew
python deploy/tables.py --check     # says whether they are what the code says, by its exit code
"""

import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from prometheus_client import CollectorRegistry

from trellis.constrained.ebnf.lark_syntax import MOST_CHARS
from trellis.constrained.limits import Limits
from trellis.lang.backends.base import Finish, Usage
from trellis.lang.nodes import params
from trellis.runtime.config import EngineConfig
from trellis.runtime.engine import Times
from trellis.runtime.server.auth import ADMIN_PATHS
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.heads import MAX_HEAD_BYTES
from trellis.runtime.server.metrics import Meters

PAGE = Path(__file__).parent / "README.md"


def settings() -> list[str]:
    """Every setting with its default."""
    lines = ["| setting | default | what it does |", "|---|---|---|"]
    for config in (ServerConfig, EngineConfig):
        hints = get_type_hints(config)
        for setting in fields(config):
            choices = get_args(hints[setting.name])
            literal = get_origin(hints[setting.name]) is not None and all(
                isinstance(choice, str) for choice in choices
            )
            told = f" One of {', '.join(choices)}." if literal else ""
            default = "" if setting.default is None else f"`{setting.default}`"
            text = (setting.metadata["help"] + told).replace("|", "\\|")
            lines.append(f"| `{setting.name}` | {default} | {text} |")
    return lines


def limits() -> list[str]:
    """What a request may hold, besides what settings say."""
    compiling = Limits()
    rows = {
        "headers": f"{MAX_HEAD_BYTES:,} bytes",
        "`n`": params.MAX_N,
        "`stop`": f"{params.MAX_STOPS} of {params.MAX_STOP_CHARS:,} characters",
        "`top_logprobs`": params.MAX_TOP_LOGPROBS,
        "`logit_bias`": f"{params.MAX_BIASES:,} tokens",
        "a regular expression": f"{compiling.pattern_chars:,} characters",
        "a grammar": f"{MOST_CHARS:,} characters",
        "a schema": f"{compiling.schema_chars:,} characters, nested {compiling.nesting} deep",
        "choices": f"{compiling.choices:,}",
        "compiling one constraint": f"{compiling.seconds:g} s and {compiling.states:,} states",
        "compiled constraints that are kept": f"{compiling.cache_bytes >> 20} MiB",
    }
    return [
        "| what | most |",
        "|---|---|",
        *(f"| {what} | {most} |" for what, most in rows.items()),
    ]


def metrics() -> list[str]:
    """Every metric; see Meters."""
    meters = Meters()
    meters.watch("remote_states", "States that remote programs hold.", lambda: 0)
    meters.observe(Finish("stop"), Usage())
    meters.render(_idle_stats())
    found = {family.name: family for family in _families(meters.registry)}
    lines = ["| metric | kind | what it says |", "|---|---|---|"]
    for name in sorted(found):
        family = found[name]
        shown = f"{name}_total" if family.type == "counter" else name
        lines.append(f"| `{shown}` | {family.type} | {family.documentation} |")
    return lines


def _families(registry: CollectorRegistry) -> Iterable[Any]:
    return registry.collect()


def _idle_stats() -> dict[str, Any]:
    times = {field.name: 0 for field in fields(Times)}
    pages = {"total": 1, "free": 1, "cached": 0, "private": 0}
    return {"running": 0, "waiting": 0, "preemptions": 0, "pages": pages, "times": times}


def operators() -> list[str]:
    """The routes that want the admin key."""
    return [", ".join(f"`{path}`" for path in sorted(ADMIN_PATHS))]


TABLES = {table.__name__: table for table in (settings, limits, metrics, operators)}


def filled(page: str) -> str:
    """The page with every table as the code has it."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        assert found, f"README.md has no {begin!r}"
        page = before + begin + "\n".join(table()) + "\n" + end + rest.partition(end)[2]
    return page


def main() -> None:
    """Writes the page, or checks it."""
    page = PAGE.read_text()
    if "--check" not in sys.argv:
        PAGE.write_text(filled(page))
    elif page != filled(page):
        sys.exit("deploy/README.md is not what the code says: run python deploy/tables.py")


if __name__ == "__main__":
    main()
