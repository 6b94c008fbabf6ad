"""A parser and bytes that reach ever more of its code, for as long as is said; `make fuzz` runs it.

    python -P tests/fuzz/search.py body -max_total_time=600 FOLDER      # finds are kept in FOLDER, as the next seeds

What it finds is written to crash-* and raised. It is no test by itself: what it found becomes one.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(
    include=[
        "trellis.constrained",
        "trellis.lang.tools",
        "trellis.lang.program",
        "trellis.runtime.server",
    ]
):
    from parsers import PARSERS, SEEDS


def main() -> None:
    """The search itself; libFuzzer reads the flags and ends the process."""
    name = sys.argv.pop(1)
    seeds = Path(sys.argv[-1])
    for number, seed in enumerate(SEEDS[name]):
        (seeds / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, PARSERS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
