"""A device on paper: the real runner up to where kernels would be launched, and answers that were written before.

    client = open_on_paper(Paper(rows=256), tongue)
    client.engine.runner.answers[seed] = tokens     # what a request with this seed will be told, token by token

Rows, page tables, plans, packed inputs and grammars' places are made and copied as they are for a GPU; a graph is
"captured" at once and computes nothing when it is replayed. So what is left is the host. It refuses to know times.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...constrained.compiling.compiler import Compiler
from ...kernels.attention.shape import AttentionShape
from ...kernels.attention.share import FIELDS, ShareLimits
from ...kernels.attention.space import AttentionSpace, SharedSpace
from ...radix.tree import RadixTree
from ..check.judging import Tongue
from ..client import Client, Resources
from ..engine import Engine
from ..memory.cache import PrefixCache
from ..memory.pages import Pages
from ..memory.pools import Pool, PoolShape
from ..plan import Limits
from ..scheduler import Scheduler
from ..step import Result, Step
from ..worker.attend import Attention
from ..worker.grammars import GrammarArena
from ..worker.graphs import Graphs
from ..worker.rows import Rows
from ..worker.runner import Launched, Parts, Runner
from ..worker.sampler import Sampled, Sampler
from ..worker.shelf import Worth

PAGE = 16
CPU = torch.device("cpu")
PROCESSORS = 132
MOST_PARTS = 65_536


@dataclass(frozen=True, slots=True)
class Paper:
    """Sizes. rows: that run together; context: most tokens of each; step_tokens: of one step."""

    rows: int = 256
    context: int = 2048
    step_tokens: int = 1024


class Nothing:
    """A model whose steps are all on paper."""

    def forward(self, tokens: Any, positions: Any, attend: Any) -> torch.Tensor:
        """Is never asked."""
        raise AssertionError("a step was to be computed: every one should have a graph on paper")

    def logits(self, hidden: Any) -> torch.Tensor:
        """Is never asked."""
        raise AssertionError("logits of a device on paper were asked for")


class Sheet:
    """A graph on paper."""

    def replay(self) -> None:
        """Computes nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """A step that is over when it is launched. What is drawn is looked up when the host waits for it."""

    launched: Launched
    draw: Callable[[], list[int]]

    def result(self) -> Result:
        """The written answers' next tokens."""
        return replace(self.launched.result(), tokens=np.array(self.draw(), np.int32))


class PaperRunner:
    """What carries out steps of the engine on paper. answers: by the seed of the request; then `end` comes."""

    def __init__(self, runner: Runner, end: int) -> None:
        self.runner = runner
        self.answers: dict[int, list[int]] = {}
        self._end = end
        self._answer_of: dict[int, tuple[list[int], int]] = {}

    def place(self, step: Step) -> dict[int, Exception]:
        """As the runner does."""
        return self.runner.place(step)

    def launch(self, step: Step) -> Told:
        """As the runner does, without a device behind it."""
        for start in step.starts:
            self._answer_of[start.row] = self.answers[start.seed], start.prompt_length
        launched = self.runner.launch(step)
        known = self._answer_of

        def draw() -> list[int]:
            drawn: list[int] = []
            for work in step.work:
                answer, prompt = known[work.row]
                at = work.position + work.count - prompt
                if work.sample:
                    drawn.append(answer[at] if 0 <= at < len(answer) else self._end)
            return drawn

        return Told(launched, draw)

    def reset(self) -> None:
        """As the runner does."""
        self.runner.reset()


def open_on_paper(paper: Paper, tongue: Tongue) -> Client:
    """A client whose engine was not started."""
    rows = Rows(paper.rows, paper.context // PAGE, CPU)
    vocabulary = tongue.vocabulary
    arena = GrammarArena(CPU, vocabulary, paper.rows, 64 << 20, 1024)
    sampler = Sampler(paper.rows, vocabulary.size, CPU, arena)
    pages = paper.rows * paper.context // PAGE + 1
    pool = Pool(PoolShape(1, 1, 1, PAGE, torch.float32), pages, CPU)
    attention = Attention(pool, _space(2 * paper.rows, paper.context), 1.0, (None,))
    runner = Runner(Parts(Nothing(), pool, rows, attention, arena, sampler))
    bodies = runner.graphs.bodies
    size = max(2 * paper.rows, paper.step_tokens)
    drawn = Sampled(torch.zeros(size, dtype=torch.int32))
    worth = Worth(again=1)
    runner.graphs = Graphs(
        bodies, rows, attention.most_queries, lambda body: (Sheet(), drawn), worth
    )
    limits = Limits(paper.rows, paper.rows, paper.step_tokens, paper.context)
    scheduler = Scheduler(PrefixCache(RadixTree(PAGE), Pages(pages)), limits, time.monotonic)
    end = min(vocabulary.eos_ids)
    resources = Resources(
        tokenizer=tongue.tokenizer,
        template=None,
        compiler=Compiler(vocabulary, tongue.tokenizer.continue_with),
        context=paper.context,
        vocab_size=vocabulary.size,
        eos_ids=vocabulary.eos_ids,
    )
    return Client(Engine(scheduler, PaperRunner(runner, end)), resources)


def _space(rows: int, context: int) -> AttentionSpace:
    """Room for plans as on a GPU of so many processors, for a model of 32 heads that share 8."""
    shape = AttentionShape(32, 8, 128, torch.bfloat16, PAGE)
    space = AttentionSpace.create(shape, rows, context, CPU)
    parts = rows * space.pieces
    return replace(
        space,
        items=torch.zeros((parts, FIELDS), dtype=torch.int32),
        values=torch.empty((MOST_PARTS, 0, 0)),  # only how many there are is looked at
        shared=SharedSpace.create(rows, ShareLimits(shape, PROCESSORS, parts), CPU),
    )
