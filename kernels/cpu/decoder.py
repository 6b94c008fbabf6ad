"""Decoder: the layers of a Llama-like model as one native call, and its head as another; or a whole greedy step.

    coming = compile_soon(shape)                                    # in a thread of its own
    decoder = Decoder(coming, weights, pool, threads=2)             # packs
    hidden = decoder.forward(tokens, positions, rows, pages)
    logits = decoder.logits(hidden)
    tokens = decoder.draw(rows, last, length, pages)                # the likeliest of each row; last, length move on

Every layer is eight phases: norm, q k v, rotation and the writing of keys and values, attention, output, norm, gate and
up, down. Residuals are added and gates applied where a product's sums are stored. Any mix of rows is one step: each
token is a query over the keys up to its own.

What is slow: compiling, some tenths of a second, for which the first step waits; and a copy of the weights. float32
throughout. It refuses to know requests, and who computes besides.
"""

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from llvmlite import ir
from torch import Tensor

from .layers import ARGUMENTS, DRAW, HEAD, LAYERS, Shape, Widths, emit_step
from .target import Compiled, Target
from .team import Team, emit_team
from .weights import Weights, pack_weights

_INDEX = {name: index for index, name in enumerate(ARGUMENTS)}
# Rows computed in one go: what needs more is done in turns, which bounds the buffers and the items of a phase.
MOST_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Coming:
    """Code on its way, and what it is made for."""

    shape: Shape
    target: Target
    compiled: Future[Compiled]


def compile_soon(shape: Shape) -> Coming:
    """Starts compiling for models of this shape, in another thread, most of the time beside Python."""
    target = Target.of_host()
    compiled: Future[Compiled] = Future()

    def work() -> None:
        try:
            compiled.set_result(compile_step(shape, target))
        except Exception as error:  # whoever waits for the code gets it
            compiled.set_exception(error)

    # No daemon: an interpreter that ends while LLVM is at work would take its ground away.
    threading.Thread(target=work, name="trellis-compiler").start()
    return Coming(shape, target, compiled)


def compile_step(shape: Shape, target: Target) -> Compiled:
    """The code for models of this shape."""
    module = ir.Module("step")
    emit_team(module, len(ARGUMENTS), partial(emit_step, shape=shape, target=target))
    return target.compile(module)


class Decoder:
    """One model over one KV pool, float32 [layers, 2, pages, kv_heads, page_size, head_dim], packed.

    Steps wait for the code where it is still to come.
    """

    def __init__(self, coming: Coming, weights: Weights, pool: Tensor, threads: int) -> None:
        self.shape = coming.shape
        self._coming, self._threads = coming, threads
        self._team: Team | None = None
        self._widths = Widths.of(coming.shape, coming.target)
        self._packed = pack_weights(weights, coming.shape.half, coming.target)
        self._kept = weights.embed, weights.rope, pool
        self._arguments = np.zeros(len(ARGUMENTS), np.int64)
        self._room = torch.zeros(0)
        # Of `draw`: hidden states and logits, tokens and positions.
        self._scores, self._places = torch.zeros(0), torch.zeros((2, 0), dtype=torch.int64)
        self._set(
            pool=pool.data_ptr(),
            layer_stride=pool.stride(0),
            value_offset=pool.stride(1),
            layers=self._packed.table.data_ptr(),
            embed=weights.embed.data_ptr(),
            rope=weights.rope.data_ptr(),
            head=self._packed.head.data_ptr(),
            head_bias=self._packed.head_bias.data_ptr(),
        )

    def forward(self, tokens: Tensor, positions: Tensor, rows: Tensor, pages: Tensor) -> Tensor:
        """Writes the new keys and values; hidden [tokens, hidden] after the last norm.

        tokens, positions, rows: int64 [tokens], new tokens of a row in their order. pages: int32 [any, pages], for each
        row those of all its positions up to the last of its new ones.
        """
        out = torch.empty((tokens.shape[0], self._widths.residual))
        for begin in range(0, tokens.shape[0], MOST_ROWS):
            part = slice(begin, begin + MOST_ROWS)
            self._forward(tokens[part], positions[part], rows[part], pages, out[part])
        return out[:, : self.shape.hidden]

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [samples, hidden] -> [samples, vocab]."""
        hidden = hidden.contiguous()
        out = torch.empty((hidden.shape[0], self._widths.logits))
        for begin in range(0, hidden.shape[0], MOST_ROWS):
            x, y = hidden[begin : begin + MOST_ROWS], out[begin : begin + MOST_ROWS]
            self._run(
                kind=HEAD,
                count=x.shape[0],
                hidden=x.data_ptr(),
                hidden_stride=x.shape[1],
                logits=y.data_ptr(),
            )
        return out[:, : self.shape.vocab]

    def _forward(
        self, tokens: Tensor, positions: Tensor, rows: Tensor, pages: Tensor, out: Tensor
    ) -> None:
        self._make_room(tokens.shape[0])
        assert tokens.is_contiguous() and positions.is_contiguous() and rows.is_contiguous()
        self._run(
            kind=LAYERS,
            count=tokens.shape[0],
            tokens=tokens.data_ptr(),
            positions=positions.data_ptr(),
            rows=rows.data_ptr(),
            pages=pages.data_ptr(),
            pages_stride=pages.stride(0),
            hidden=out.data_ptr(),
        )

    def draw(self, rows: Tensor, last: Tensor, length: Tensor, pages: Tensor) -> Tensor:
        """A step of rows that each compute their last token and draw the likeliest next one, int32 [rows].

        rows: int64, each once. last: int64 and length: int32, by row: the token, and its position; both move on.
        pages: as in forward. Of equally likely tokens the first is drawn; a NaN is never drawn, unless all are.
        """
        drawn = torch.empty(rows.shape[0], dtype=torch.int32)
        for begin in range(0, rows.shape[0], MOST_ROWS):
            part = slice(begin, begin + MOST_ROWS)
            self._draw(rows[part], last, length, pages, drawn[part])
        return drawn

    def _draw(
        self, rows: Tensor, last: Tensor, length: Tensor, pages: Tensor, drawn: Tensor
    ) -> None:
        count = rows.shape[0]
        self._make_room(count)
        hidden, logits = self._widths.residual, self._widths.logits
        if self._scores.shape[0] < count * (hidden + logits):
            self._scores = torch.empty(count * (hidden + logits))
            self._places = torch.empty((2, count), dtype=torch.int64)
        at = self._scores.data_ptr()
        assert last.is_contiguous() and length.is_contiguous() and rows.is_contiguous()
        self._run(
            kind=DRAW,
            count=count,
            tokens=self._places[0].data_ptr(),
            positions=self._places[1].data_ptr(),
            rows=rows.data_ptr(),
            pages=pages.data_ptr(),
            pages_stride=pages.stride(0),
            hidden=at,
            hidden_stride=hidden,
            logits=at + 4 * count * hidden,
            last=last.data_ptr(),
            length=length.data_ptr(),
            drawn=drawn.data_ptr(),
        )

    def _run(self, **arguments: int) -> None:
        self._set(**arguments)
        if self._team is None:
            self._team = Team(self._coming.compiled.result(), self._threads)
        self._team.run(self._arguments)

    def _make_room(self, tokens: int) -> None:
        """Buffers for so many tokens; they grow and stay."""
        widths = self._widths
        buffers = {
            "residual": widths.residual,
            "normed": widths.residual,
            "qkv": widths.qkv,
            "attended": widths.attended,
            "active": widths.active,
        }
        row = sum(buffers.values())
        if self._room.shape[0] >= tokens * row:
            return
        self._room = torch.zeros(tokens * row)
        at = self._room.data_ptr()
        for name, width in buffers.items():
            self._set(**{name: at})
            at += 4 * tokens * width

    def _set(self, **arguments: int) -> None:
        for name, value in arguments.items():
            self._arguments[_INDEX[name]] = value
