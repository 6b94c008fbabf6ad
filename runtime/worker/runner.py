"""Runner: carries out Steps on one device.

    refused = runner.place(step)       # grammars of the rows that start
    pending = runner.launch(step)      # uploads what changed, launches the work, returns before it is done
    result = pending.result()          # waits and gives what came out

There is one kind of forward: rows compute some new tokens each over paged KV. Plain decode is the case where every
row computes one token that is already on the device; it runs as a graph. What is slow: the first step of each shape.
It refuses to know about requests, queues and text.
"""

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ...kernels.attention.plan import Listed
from ...kernels.attention.room import Room
from ...kernels.attention.share import Shared
from ...kernels.copy_pages import copy_pages
from ...kernels.logprob import token_logprobs
from ..errors import EngineError
from ..memory.pools import Pool
from ..step import Result, Step, Work
from .attend import Attend, Attention
from .batch import Batch, Layout, lay_out, make_batch
from .capture import CudaCapture
from .grammars import GrammarArena
from .graphs import Bodies, Graphs, Inputs, Kind, captured_sizes, padded_size
from .rows import Rows, upload
from .sampler import Features, Sampled, Sampler
from .sharing import Sharing

SCORE_ROWS = 256
WARM_TOKENS = 64
# Fewer rows seldom share enough.
WARM_SHARED_ROWS = 8


class Model(Protocol):
    """What the runner needs of a model; see runtime/models."""

    def forward(
        self, tokens: torch.Tensor, positions: torch.Tensor, attend: Attend
    ) -> torch.Tensor: ...
    def logits(self, hidden: torch.Tensor) -> torch.Tensor: ...


class Decoder(Protocol):
    """A model that reaches the KV pool by itself; see kernels/cpu/decoder.py."""

    def forward(
        self, tokens: torch.Tensor, positions: torch.Tensor, rows: torch.Tensor, pages: torch.Tensor
    ) -> torch.Tensor: ...
    def logits(self, hidden: torch.Tensor) -> torch.Tensor: ...
    def draw(
        self, rows: torch.Tensor, last: torch.Tensor, length: torch.Tensor, pages: torch.Tensor
    ) -> torch.Tensor: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a runner is made of. decoder: computes what the model would, faster, where there is one."""

    model: Model
    pool: Pool
    rows: Rows
    attention: Attention
    arena: GrammarArena
    sampler: Sampler
    decoder: Decoder | None = None


class Launched:
    """A step on its way; `result` waits for it."""

    def __init__(
        self,
        samples: int,
        sampled: Sampled | None,
        scores: torch.Tensor | None = None,
        hidden: torch.Tensor | None = None,
    ) -> None:
        self._samples = samples
        self._event: torch.cuda.Event | None = None
        self._tokens = self._fetch(sampled.tokens if sampled else None)
        self._logprobs = self._fetch(sampled.logprobs if sampled else None)
        self._top_ids = self._fetch(sampled.top_ids if sampled else None)
        self._top_logprobs = self._fetch(sampled.top_logprobs if sampled else None)
        self._scores = self._fetch(scores)
        self._hidden = self._fetch(hidden)
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            self._event = torch.cuda.Event()
            self._event.record()

    def _fetch(self, tensor: torch.Tensor | None) -> torch.Tensor | None:
        if tensor is None:
            return None
        if tensor.device.type == "cpu":
            return tensor.clone()
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return host.copy_(tensor, non_blocking=True)

    def result(self) -> Result:
        """What came out, once the device is done."""
        if self._event is not None:
            self._event.synchronize()

        def host(tensor: torch.Tensor | None) -> np.ndarray | None:
            return None if tensor is None else tensor.numpy()[: self._samples]

        tokens = host(self._tokens)
        return Result(
            tokens=np.zeros(0, np.int32) if tokens is None else tokens,
            logprobs=host(self._logprobs),
            top_ids=host(self._top_ids),
            top_logprobs=host(self._top_logprobs),
            scores=np.zeros(0, np.float32) if self._scores is None else self._scores.numpy(),
            hidden=np.zeros((0, 0), np.float32) if self._hidden is None else self._hidden.numpy(),
        )


class Runner:
    """Carries out Steps with a model, its KV pool, and rows of state on one device."""

    def __init__(self, parts: Parts, graphs: bool = True) -> None:
        self.parts = parts
        self.rows = parts.rows
        self.sharing = Sharing(parts.attention, parts.rows)
        bodies = Bodies(self._decode, self._flat, self._ragged, parts.attention.space.shared.fill)
        device = parts.rows.device
        capture = CudaCapture(device) if graphs and device.type == "cuda" else None
        self.graphs = Graphs(bodies, parts.rows, parts.attention.most_queries, capture)
        self._grammar_of: dict[int, int] = {}
        # What the rows of the last step need; whether that is no more than their likeliest tokens.
        self._features: tuple[tuple[int, ...], Features] | None = None
        self._greedy = False

    @torch.inference_mode()
    def place(self, step: Step) -> dict[int, Exception]:
        """Puts the grammars of starting rows on the device; the rows that cannot be served, and why."""
        refused: dict[int, Exception] = {}
        for row in step.ends:
            self._end_row(row)
        for start in step.starts:
            if start.grammar is None:
                continue
            try:
                slot = self.parts.arena.place(start.grammar)
            except EngineError as error:
                refused[start.row] = error
                continue
            self.parts.arena.acquire(slot)
            self._grammar_of[start.row] = slot
        return refused

    @torch.inference_mode()
    def launch(self, step: Step) -> Launched:
        """Launches a step whose grammars are placed. Raises what the device raises."""
        self._prepare(step)
        rows = tuple(w.row for w in step.work if w.sample)
        shared = self.sharing.of(step.work, tuple(w.row for w in step.work))
        features = self._features_of(rows)
        if step.decode:
            plain = self.parts.decoder is not None and self._greedy
            sampled = (
                self._draw_native(rows) if plain else self.graphs.decode(rows, features, shared)
            )
            return Launched(len(rows), sampled)
        layout = lay_out(step.work)
        if rows and (sampled := self.graphs.flat(layout, features, shared)) is not None:
            return Launched(len(rows), sampled)
        listed = None
        if self.graphs.takes(layout):
            listed = self.parts.attention.list_items(layout, shared)
            if (sampled := self._replayed(layout, listed, features)) is not None:
                return Launched(len(rows), sampled)
        batch = make_batch(layout, self.rows, self.parts.pool.shape.page_size)
        hidden = self._forward(batch, shared, listed)
        sampled = self._sample(batch, hidden, features) if rows else None
        scores = self._score(batch, hidden) if len(layout.score_at) else None
        embedded = hidden[batch.embed_at].float() if len(layout.embed_at) else None
        self.rows.length[batch.rows] = batch.lengths
        return Launched(len(rows), sampled, scores, embedded)

    @torch.inference_mode()
    def warm(self, seconds: float) -> list[int]:
        """Compiles and captures what the first steps need, within about so many seconds; the captured batch sizes.

        On a GPU without graphs only prompts are compiled, on a CPU there is nothing to do.
        """
        if self.rows.device.type != "cuda":
            return []
        until = time.monotonic() + seconds
        longest = min(WARM_TOKENS, self.rows.pages.shape[1] * self.parts.pool.shape.page_size)
        # Prompts on the row that is nobody's, so long that each kind of tile has one.
        for count in {longest, min(longest, WARM_TOKENS // 8)}:
            nothing = Work(self.rows.padding, 0, count, [0] * count, sample=True)
            batch = make_batch(lay_out([nothing]), self.rows, self.parts.pool.shape.page_size)
            self._sample(batch, self._forward(batch, None), Features())
        sizes = captured_sizes(self.rows.padding)
        tiles = self.parts.attention.space.shape.tiles()
        plain, constrained = Kind(Features()), Kind(Features(grammar=True))
        sharing = Kind(Features(), tiles[2])
        captured = self.graphs.capture(sizes, plain, until)
        if self.parts.attention.shares:
            many = [size for size in sizes if size >= WARM_SHARED_ROWS]
            self.graphs.capture(many, sharing, until)
        self.graphs.capture([size for size in sizes if size & (size - 1) == 0], constrained, until)
        self.graphs.capture_flat(constrained, until)
        for kind in (
            (plain, sharing, constrained) if self.parts.attention.shares else (plain, constrained)
        ):
            self.graphs.capture_ragged(tuple(dict.fromkeys(tiles)), kind, until)
        return captured

    def reset(self) -> None:
        """Forgets every row, after a failed step."""
        for row in list(self._grammar_of):
            self._end_row(row)

    # -- what changes before a step ------------------------------------------------------------------------------

    def _prepare(self, step: Step) -> None:
        parts = self.parts
        for start in step.starts:
            parts.sampler.start_row(
                start.row, start.params, start.seed, start.tokens, start.prompt_length
            )
            if start.place is not None:
                parts.arena.set_row(start.row, self._grammar_of[start.row], start.place)
        for row, tokens in step.forced:
            parts.sampler.observe(row, tokens)
        for row, place in step.places:
            parts.arena.set_row(row, self._grammar_of[row], place)
        for row, mask in step.masks:
            parts.arena.set_mask(row, mask)
        if step.starts or step.ends:
            self._features = None
            self.sharing.forget()
        parts.sampler.flush()
        parts.arena.flush()
        self.rows.write_pages(step.pages)
        if step.copies:
            packed = upload(np.array(step.copies, np.int32).T.copy(), self.rows.device)
            for tensor in parts.pool.copied():
                copy_pages(tensor, packed[0].long(), packed[1].long())

    def _end_row(self, row: int) -> None:
        slot = self._grammar_of.pop(row, None)
        if slot is not None:
            self.parts.arena.clear_row(row)
            self.parts.arena.release(slot)

    def _features_of(self, rows: tuple[int, ...]) -> Features:
        if self._features is None or self._features[0] != rows:
            sampler = self.parts.sampler
            self._features = (rows, sampler.features(rows))
            self._greedy = self._features[1] == Features() and sampler.greedy(rows)
        return self._features[1]

    # -- forward -------------------------------------------------------------------------------------------------

    def _forward(
        self, batch: Batch, shared: Shared | None, listed: Listed | None = None
    ) -> torch.Tensor:
        """Hidden states of a batch. listed: its items, where they were listed in vain for a graph."""
        if self.parts.decoder is not None:
            rows = torch.from_numpy(batch.layout.rows).long()
            return self.parts.decoder.forward(batch.tokens, batch.positions, rows, self.rows.pages)
        attention = self.parts.attention
        if listed is None:
            plan = attention.plan_ragged(batch, self.rows, shared)
        else:
            plan = attention.plan_listed(listed, self.rows)
        attend = attention.over(plan, batch.slots)
        return self.parts.model.forward(batch.tokens, batch.positions, attend)

    def _sample(self, batch: Batch, hidden: torch.Tensor, features: Features) -> Sampled:
        logits = self._logits(hidden[batch.sample_at])
        sampled = self.parts.sampler.sample(
            logits, batch.sample_rows, batch.sample_positions, features
        )
        self.rows.last[batch.sample_rows] = sampled.tokens.long()
        return sampled

    def _score(self, batch: Batch, hidden: torch.Tensor) -> torch.Tensor:
        """Log-probability of each target; a vocabulary-wide row each, so a few hundred at a time."""
        parts = [
            token_logprobs(self._logits(hidden[at]), targets)
            for at, targets in zip(
                batch.score_at.split(SCORE_ROWS), batch.score_targets.split(SCORE_ROWS), strict=True
            )
        ]
        return torch.cat(parts)

    def _draw_native(self, rows: tuple[int, ...]) -> Sampled:
        """As _decode where all rows want their likeliest token, in one native call."""
        decoder, own = self.parts.decoder, self.rows
        assert decoder is not None
        return Sampled(decoder.draw(self.graphs.index(rows), own.last, own.length, own.pages))

    def _decode(self, rows: torch.Tensor, kind: Kind) -> Sampled:
        """Every row computes the token it sampled last: rows int64 [rows]. Capturable in a graph."""
        positions = self.rows.length[rows].long()
        hidden = self._query(rows, self.rows.last[rows], positions, kind)
        return self._draw(hidden, rows, positions + 1, kind.features)

    def _flat(self, inputs: Inputs, kind: Kind) -> Sampled:
        """Each token is a query of its own; see graphs.py. Capturable in a graph."""
        rows, positions = inputs.rows.long(), inputs.positions.long()
        tokens = self.rows.fill_carried(inputs.tokens.long(), rows)
        hidden = self._query(rows, tokens, positions, kind)
        drawn, next_positions = inputs.sample_rows.long(), inputs.sample_positions.long()
        return self._draw(hidden[inputs.sample_at.long()], drawn, next_positions, kind.features)

    def _replayed(self, layout: Layout, listed: Listed, features: Features) -> Sampled | None:
        """What a step that is neither decode nor flat samples, if there is a graph for it."""
        room = Room.of(listed, padded_size(len(layout.tokens)), self.parts.attention.space)
        return room and self.graphs.ragged(layout, (room, listed), features)

    def _ragged(self, inputs: Inputs, room: Room, kind: Kind) -> Sampled:
        """As _forward and _sample of a batch. Capturable in a graph."""
        rows, positions = inputs.rows.long(), inputs.positions.long()
        tokens = self.rows.fill_carried(inputs.tokens.long(), rows)
        plan = self.parts.attention.plan_room(room, inputs.plan, self.rows)
        slots = self.rows.slots(rows, positions, self.parts.pool.shape.page_size)
        attend = self.parts.attention.over(plan, slots)
        hidden = self.parts.model.forward(tokens, positions, attend)
        self.rows.length[inputs.work_rows.long()] = inputs.lengths
        drawn, next_positions = inputs.sample_rows.long(), inputs.sample_positions.long()
        return self._draw(hidden[inputs.sample_at.long()], drawn, next_positions, kind.features)

    def _query(
        self, rows: torch.Tensor, tokens: torch.Tensor, positions: torch.Tensor, kind: Kind
    ) -> torch.Tensor:
        """Hidden state of single tokens, each with its row and position, int64 [tokens]."""
        if self.parts.decoder is not None:
            return self.parts.decoder.forward(tokens, positions, rows, self.rows.pages)
        slots = self.rows.slots(rows, positions, self.parts.pool.shape.page_size)
        plan = self.parts.attention.plan_decode(rows, positions + 1, self.rows, kind.shared)
        attend = self.parts.attention.over(plan, slots)
        return self.parts.model.forward(tokens, positions, attend)

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """hidden [samples, hidden] -> [samples, vocab]."""
        return (self.parts.decoder or self.parts.model).logits(hidden)

    def _draw(
        self, hidden: torch.Tensor, rows: torch.Tensor, positions: torch.Tensor, features: Features
    ) -> Sampled:
        """Draws the token at `positions` of each row and leaves it on the device for the next step."""
        logits = self._logits(hidden)
        sampled = self.parts.sampler.sample(logits, rows, positions, features)
        self.rows.last[rows] = sampled.tokens.long()
        self.rows.length[rows] = positions.int()
        self.rows.length[self.rows.padding].zero_()
        return sampled
