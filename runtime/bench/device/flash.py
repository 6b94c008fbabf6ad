"""FlashAttention 3, as vLLM builds it, over the rows of a case.

    flash = load_flash(Path("fa3"))         # the folder with flash_attn_interface.py and _vllm_fa3_C, or one above
    timed = flash.time(case, want, timer)   # by page size, each result compared with `want` before

Keys and values are laid out as its own engine lays them out, [pages, P, heads, dim], in pages of ours and of the sizes
at which it can do best: from 128 tokens on it fetches whole pages for long prompts. Rows that share keys share pages
there too. What it plans is made once and not timed, as ours is not. Needs a Hopper GPU; eight-bit keys, which it
takes only with eight-bit queries, are not compared.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from ....kernels.layer_pool import LayerPool
from .case import Case, relative_error
from .limits import Limits, Line

PAGES = (16, 64, 128, 256)
INTERFACE = "flash_attn_interface"
MOST_ERROR = 0.01
# Seconds of the mean call, of calls that go by this name.
Timer = Callable[[str, Sequence[Callable[[], object]]], float]


@dataclass(frozen=True, slots=True)
class Flash:
    """The two functions of FlashAttention's interface that an engine calls."""

    attend: Callable[..., Any]
    schedule: Callable[..., torch.Tensor]

    def calls(self, case: Case, page: int) -> list[Callable[[], torch.Tensor]]:
        """One for each of the case's pools, with pages of so many tokens; each gives [tokens, heads, dim]."""
        if case.shape.quantised:
            raise ValueError("FlashAttention 3 wants queries in eight bits too: compare bf16 keys")
        table, groups = widen_pages(case.page_table, page // case.shape.page_size)
        device = case.q.device
        starts = torch.zeros(len(case.counts) + 1, dtype=torch.int32, device=device)
        starts[1:] = torch.from_numpy(case.counts).to(device).cumsum(0)
        lengths = torch.from_numpy(case.lengths).to(device)
        longest = {
            "max_seqlen_q": int(case.counts.max()),
            "max_seqlen_k": int(case.lengths.max()),
        }
        same = longest | {"cu_seqlens_q": starts, "causal": True, "num_splits": 0}  # 0: it chooses
        planned = self.schedule(
            batch_size=len(case.counts),
            num_heads_q=case.shape.heads,
            num_heads_kv=case.shape.kv_heads,
            headdim=case.shape.head_dim,
            cache_seqlens=lengths,
            qkv_dtype=case.shape.dtype,
            page_size=page,
            **same,
        )

        def call(pool: LayerPool) -> Callable[[], torch.Tensor]:
            keys, values = (_repage(x, groups) for x in (pool.keys, pool.values))
            out = torch.empty_like(case.q)
            return lambda: self.attend(
                q=case.q,
                k=keys,
                v=values,
                out=out,
                seqused_k=lengths,
                block_table=table,
                softmax_scale=case.scale,
                scheduler_metadata=planned,
                fa_version=3,
                **same,
            )

        return [call(pool) for pool in case.pools]

    def time(self, case: Case, want: torch.Tensor, timer: Timer) -> dict[int, float]:
        """Seconds by page size. AssertionError where a result is not `want`."""
        found: dict[int, float] = {}
        for page in PAGES:
            calls = self.calls(case, page)
            error = relative_error(calls[0](), want)
            assert error < MOST_ERROR, f"pages of {page}: {error:.4f} away from FlashAttention's"
            found[page] = timer(f"pages of {page}", calls)
        return found


def flash_lines(
    limits: Limits, name: str, case: Case, ours: float, timed: dict[int, float]
) -> Iterator[Line]:
    """FlashAttention's line with pages as ours are, and its best where that is another; ours: our seconds."""
    best = min(timed, key=lambda page: timed[page])
    for page in dict.fromkeys((case.shape.page_size, best)):
        line = limits.line(name, f"fa3, pages of {page}", timed[page], *case.cost())
        yield replace(line, ours_over=ours / timed[page])


def widen_pages(table: torch.Tensor, ratio: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A table of pages `ratio` times as large, and for each of those the old ones it is made of, [pages, ratio].

    Rows with the same old pages get the same new one. Where a row has ended old pages are number 0.
    """
    rows, width = table.shape
    padded = torch.nn.functional.pad(table, (0, -width % ratio))
    groups, place = padded.view(-1, ratio).unique(dim=0, return_inverse=True)
    return place.view(rows, -1).int().contiguous(), groups.long()


def _repage(pool: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """[pages, heads, P, dim] as [larger pages, their tokens, heads, dim], packed."""
    _, heads, page, dim = pool.shape
    out = pool.new_empty((len(groups), groups.shape[1] * page, heads, dim))
    view = out.view(len(groups), groups.shape[1], page, heads, dim)
    for at in range(groups.shape[1]):  # by parts: whole pools need not fit in memory a third time
        view[:, at] = pool[groups[:, at]].transpose(1, 2)
    return out


def load_flash(folder: Path) -> Flash:
    """From an unpacked bundle: the folder itself, `fa3` in it, or `pkg/fa3`.

    Raises FileNotFoundError where there is none of them, RuntimeError where its machine code does not load.
    """
    for place in (folder, folder / "fa3", folder / "pkg" / "fa3"):
        if (place / f"{INTERFACE}.py").is_file():
            module = _import_from(place.resolve())
            break
    else:
        raise FileNotFoundError(f"{folder} holds no {INTERFACE}.py, nor do fa3 and pkg/fa3 in it")
    if not module.FA3_AVAILABLE:
        raise RuntimeError(f"FlashAttention 3 does not load: {module.FA3_UNAVAILABLE_REASON}")
    return Flash(module.flash_attn_varlen_func, module.get_scheduler_metadata)


def _import_from(place: Path) -> ModuleType:
    """The interface, which looks for its machine code in the package that it is in."""
    name = f"trellis_bench_{place.name}"
    parent = ModuleSpec(name, None, is_package=True)
    parent.submodule_search_locations = [str(place)]
    sys.modules[name] = module_from_spec(parent)
    spec = spec_from_file_location(f"{name}.{INTERFACE}", place / f"{INTERFACE}.py")
    assert spec is not None and spec.loader is not None, place
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
