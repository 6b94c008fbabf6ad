"""Speed of attention and linear layers on a GPU, beside what memory and matrix units allow.

    python -m trellis.runtime.bench.attention --json results.json
    python -m trellis.runtime.bench.attention --only decode --tiles 16,128,4,2,2 16,64,4,4,2
    python -m trellis.runtime.bench.attention --against fa3=FOLDER
    python -m trellis.runtime.bench.attention --only shared --profile FOLDER

Every kernel is compared with torch before it is timed; one that is wrong ends the run. The shape is
Llama-3.1-8B's in bfloat16: 32 query heads, 8 kv heads of 128, pages of 16; with `--kv fp8` keys and
values are eight bits each. Times are of graph
replays over different memory in each call. `floor` is the bytes or operations the work cannot do
without, over the figures measured in the same run: a long read, and a large matrix product. `--against`
puts FlashAttention 3 over the same rows behind each case (device/flash.py): its time, and ours over it.
With `--profile` each case runs under torch.profiler, which leaves a trace and a table of kernels, and not against
the clock: the times shown are those of the kernels alone.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from ...kernels.attention.decode import plan_decode
from ...kernels.attention.plan import AttentionPlan
from ...kernels.attention.shape import AttentionShape, Tile
from ...kernels.attention.share import Shared
from ...kernels.timing import seconds_per_call
from .device.case import Case, relative_error, verify
from .device.flash import Flash, Timer, flash_lines, load_flash
from .device.limits import Limits, Line, measure_limits
from .device.linear import measure_linear
from .device.traces import Traces

HEADS, KV_HEADS, DIM, PAGE = 32, 8, 128, 16
KINDS = ("decode", "shared", "extend", "ragged", "linear")
DECODE: Mapping[str, Sequence[int]] = {
    "1 x 1k": [1024],
    "1 x 4k": [4096],
    "1 x 16k": [16384],
    "1 x 32k": [32768],
    "1 x 128k": [131072],
    "8 x 1k": [1024] * 8,
    "8 x 4k": [4096] * 8,
    "8 x 16k": [16384] * 8,
    "8 x 32k": [32768] * 8,
    "64 x 1k": [1024] * 64,
    "256 x 1k": [1024] * 256,
    "uneven 32 (128 to 32k)": [max(128, 32768 // (i + 1)) for i in range(32)],
    "128k beside 31 x 1k": [131072] + [1024] * 31,
}
# (new tokens, length) of each row.
RAGGED: Mapping[str, Sequence[tuple[int, int]]] = {
    "prefill 1 x 1k": [(1024, 1024)],
    "prefill 1 x 8k": [(8192, 8192)],
    "prefill 4 x 2k": [(2048, 2048)] * 4,
    "prefill 1 x 2k after 30k": [(2048, 32768)],
    "prefill 2k beside 32 x 4k": [(2048, 2048)] + [(1, 4096)] * 32,
    "8 drafts after 4k, 32 rows": [(8, 4096)] * 32,
    "128 after 32k beside 64 x 1k": [(128, 32768)] + [(1, 1024)] * 64,
}
# Rows, keys that all of them share, keys of each one's own, of which how many are new.
EXTEND: Mapping[str, tuple[int, int, int, int]] = {
    "64 x 32 after 4k": (64, 4096, 32, 32),
    "64 x 40 after 4k": (64, 4096, 40, 40),
    "64 x 8 after 4k": (64, 4096, 8, 8),
    "256 x 4 after 8k": (256, 8192, 4, 4),
}
SHARED: Mapping[str, tuple[int, int, int, int]] = {
    "4 x (8k shared + 128)": (4, 8192, 128, 1),
    "32 x (2k shared + 128)": (32, 2048, 128, 1),
    "256 x (2k shared + 128)": (256, 2048, 128, 1),
    "256 x (8k shared + 128)": (256, 8192, 128, 1),
    "256 x (512 shared + 1k)": (256, 512, 1024, 1),
    # Where it pays little, or not at all: no slower than flat.
    "2 x (16k shared + 1k)": (2, 16384, 1024, 1),
    "8 x (1k shared + 1k)": (8, 1024, 1024, 1),
    "16 x (2k shared + 4k)": (16, 2048, 4096, 1),
    "64 x (256 shared + 2k)": (64, 256, 2048, 1),
}


def time_replays(name: str, calls: Sequence[Callable[[], object]]) -> float:
    """Seconds of the mean call in a graph that is replayed. name: of no use here."""
    del name
    return seconds_per_call(calls)


@dataclass(frozen=True, slots=True)
class Setting:
    """What every case is measured with: limits of this run, the kernel's tiles by their name, FlashAttention if it is
    asked for, a clock."""

    limits: Limits
    shape: AttentionShape
    variant: str
    flash: Flash | None = None
    timer: Timer = time_replays
    device: str = "cuda"

    def case(self, counts: Sequence[int], lengths: Sequence[int], common: int = 0) -> Case:
        """Rows of this shape."""
        return Case.create(counts, lengths, self.shape, common, self.device)

    def line(self, name: str, label: str, seconds: float, case: Case) -> Line:
        """What one way of computing the case took."""
        return self.limits.line(name, f"{self.variant}{label}", seconds, *case.cost())

    def against(self, name: str, case: Case, plan: AttentionPlan, seconds: float) -> Iterator[Line]:
        """FlashAttention's lines, where it is asked for; seconds: ours, with the plan."""
        if self.flash is not None:
            timed = self.flash.time(case, case.attend(plan), self.timer)
            yield from flash_lines(self.limits, name, case, seconds, timed)


def measure_decode(setting: Setting, cases: Mapping[str, Sequence[int]] = DECODE) -> Iterator[Line]:
    """Rows of one new token, by their lengths."""
    for name, lengths in cases.items():
        case = setting.case([1] * len(lengths), lengths)
        plan = case.decode_plan()
        seconds = setting.timer(f"decode {name}", case.calls(plan))
        yield setting.line(f"decode {name}", "", seconds, case)
        yield from setting.against(f"decode {name}", case, plan, seconds)


def measure_plans(setting: Setting) -> Iterator[Line]:
    """Making a plan of rows of one new token, on the device."""
    for rows in (1, 256):
        case = setting.case([1] * rows, [1024] * rows)
        lengths = torch.from_numpy(case.lengths).to(setting.device)
        index = torch.arange(rows, device=setting.device)

        def plan(case: Case = case, lengths: torch.Tensor = lengths, index: torch.Tensor = index):
            return plan_decode(lengths, index, case.page_table, case.space)

        microseconds = setting.timer(f"plan of {rows} rows", [plan] * 20) * 1e6
        yield Line(f"plan of {rows} rows", setting.variant, microseconds, 0.0, "", 0.0)


def measure_shared(
    setting: Setting, kind: str, cases: Mapping[str, tuple[int, int, int, int]]
) -> Iterator[Line]:
    """Rows that share keys, flat and grouped; of_floor: of reading every key once and computing every score."""
    for name, (rows, common, own, new) in cases.items():
        case = setting.case([new] * rows, [common + own] * rows, common)
        make = case.decode_plan if new == 1 else case.ragged_plan
        yield from _flat_and_grouped(setting, f"{kind} {name}", case, make)


def _flat_and_grouped(
    setting: Setting, name: str, case: Case, make: Callable[[Shared | None], AttentionPlan]
) -> Iterator[Line]:
    """A line without sharing, and one with it where the plan has any."""
    want = case.attend(case.ragged_plan())
    shared = case.shared()
    flat = None
    for label, used in [("flat", None)] + [("grouped", shared)] * (shared is not None):
        plan = make(used)  # where the one before it was: plans of a space share its memory
        error = relative_error(case.attend(plan), want)
        assert error < 0.01, f"{name}: relative error {error:.4f}"
        seconds = setting.timer(f"{name} {label}", case.calls(plan))
        line = setting.line(name, f" {label}", seconds, case)
        yield line if flat is None else replace(line, of_flat=seconds / flat)
        flat = flat or seconds
        if used is shared:
            yield from setting.against(name, case, plan, seconds)


def measure_ragged(
    setting: Setting, cases: Mapping[str, Sequence[tuple[int, int]]] = RAGGED
) -> Iterator[Line]:
    """Rows of many new tokens, some beside rows of one."""
    for name, rows in cases.items():
        case = setting.case([count for count, _ in rows], [length for _, length in rows])
        plan = case.ragged_plan()
        seconds = setting.timer(name, case.calls(plan))
        yield setting.line(name, "", seconds, case)
        yield from setting.against(name, case, plan, seconds)


def measure_kind(setting: Setting, only: str | None) -> Iterator[Line]:
    """All lines of attention, or those of one kind."""
    if only in (None, "decode"):
        yield from measure_decode(setting)
        yield from measure_plans(setting)
    if only in (None, "shared"):
        yield from measure_shared(setting, "decode", SHARED)
    if only in (None, "extend"):
        yield from measure_shared(setting, "extend", EXTEND)
    if only in (None, "ragged"):
        yield from measure_ragged(setting)


def parse_tile(text: str) -> Tile:
    """A tile from "rows,keys,warps,stages,resident"."""
    return Tile(*(int(part) for part in text.split(",")))


def parse_against(text: str) -> Flash:
    """FlashAttention from "fa3=FOLDER"."""
    name, _, folder = text.partition("=")
    if name != "fa3" or not folder:
        raise argparse.ArgumentTypeError(f"{text!r}: write fa3=FOLDER")
    try:
        return load_flash(Path(folder))
    except (OSError, RuntimeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def shapes(
    tiles: Sequence[Tile], kv_dtype: torch.dtype | None
) -> Iterator[tuple[str, AttentionShape]]:
    """The default tiles, and each given one in the place of the narrow (fewer than 64 rows), middle or wide one."""
    plain = (HEADS, KV_HEADS, DIM, torch.bfloat16, PAGE, kv_dtype)
    yield "default", AttentionShape(*plain)
    for tile in tiles:
        place = "narrow" if tile.rows < 64 else "middle" if tile.rows < 128 else "wide"
        label = f"{tile.rows}x{tile.keys} warps {tile.warps} stages {tile.stages}"
        yield label, replace(AttentionShape(*plain), **{place: tile})


def measure(options: argparse.Namespace) -> Iterator[Line]:
    """All lines that the options ask for. Tiles beside the default are measured without FlashAttention."""
    kv_dtype = torch.float8_e4m3fn if options.kv == "fp8" else None
    limits = measure_limits()
    yield from limits.lines()
    traces = None if options.profile is None else Traces(options.profile)
    for variant, shape in shapes(options.tiles, kv_dtype):
        verify(shape)
        flash = options.against if variant == "default" else None
        setting = Setting(limits, shape, variant, flash)
        if traces is not None:
            setting = replace(setting, timer=traces.time, flash=None)
        yield from measure_kind(setting, options.only)
    if options.only in (None, "linear") and traces is None:
        yield from measure_linear(limits)


def print_line(line: Line) -> None:
    """One line of the table."""
    beside = "" if line.ours_over is None else f"{line.ours_over:10.2f}"
    if line.of_flat is not None:
        beside = f"{line.of_flat:10.2f} of flat"
    print(
        f"{line.case:36}{line.variant:42}{line.microseconds:10.1f}{line.rate:9.2f}"
        f" {line.unit:8}{line.of_floor:8.2f}{beside}",
        flush=True,
    )


def main() -> None:
    """Print the table as it grows; write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--tiles", nargs="*", type=parse_tile, default=[])
    parser.add_argument("--kv", choices=("bf16", "fp8"), default="bf16")
    parser.add_argument(
        "--against", type=parse_against, metavar="fa3=FOLDER", help="FlashAttention 3 beside ours"
    )
    parser.add_argument(
        "--profile", type=Path, help="write traces to this folder instead of timing"
    )
    options = parser.parse_args()
    if options.against is not None and options.kv == "fp8":
        parser.error("--against compares keys in bf16: leave --kv fp8 out")
    if not torch.cuda.is_available():
        sys.exit("this measures a GPU and there is none")
    lines: list[Line] = []
    print(
        f"{'case':36}{'variant':42}{'us':>10}{'rate':>9} {'unit':8}{'x floor':>8}{'ours/its':>10}"
    )
    for line in measure(options):
        lines.append(line)
        print_line(line)
        if options.json:
            options.json.write_text(json.dumps([asdict(each) for each in lines], indent=1))


if __name__ == "__main__":
    main()
