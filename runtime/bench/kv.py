"""`trellis bench kv`: what keys and values in eight bits change in what a model says.

    trellis bench kv --texts 32 --tokens 192

Texts are the model's own, drawn at temperature 1 by an engine that keeps keys and values as they are. On them its
distributions are compared, position by position, with those over keys and values that went through eight bits
(kernels/fp8.py): divergence in nats, how often the likeliest token is the same, perplexity. Then two engines, one of
each kind, answer greedily. The forward that is compared has no pages; tests hold engines to it. Slow: it
loads the model twice, one after the other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...kernels.fp8 import dequantise, quantise
from ...lang.nodes.params import SamplingParams
from ..client import Client
from ..config import EngineConfig
from ..launch import open_client
from ..models.transformer import Transformer
from ..worker.runner import Runner
from .engine import answers
from .table import Row

LINE = "Anna number {0} ordered {1} lamps from Oslo and paid by card."


@dataclass(frozen=True, slots=True)
class Distance:
    """Of the distributions at some positions: nats, float32 [positions]; agree, bool [positions]; losses, nats [2]."""

    nats: Tensor
    agree: Tensor
    losses: Tensor


@dataclass(frozen=True, slots=True)
class DenseAttend:
    """Attention of one text over itself. eight: whether keys and values go through eight bits."""

    windows: Sequence[int | None]
    eight: bool

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Causal, or over the layer's window; see layers/attend.py."""
        if self.eight:
            k, v = (dequantise(*quantise(x), x.dtype) for x in (k, v))
        at = torch.arange(len(q), device=q.device)
        distance = at[:, None] - at
        seen = (distance >= 0) & (distance < (self.windows[layer] or len(q)))
        q, k, v = (x.transpose(0, 1)[None] for x in (q, k, v))
        out = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=seen, enable_gqa=True
        )
        return out[0].transpose(0, 1).contiguous()


@torch.inference_mode()
def distance(model: Transformer, tokens: Sequence[int], begin: int) -> Distance:
    """How far apart the two say the tokens from `begin` on."""
    device = next(iter(model.parameters().values())).device
    ids = torch.tensor(tokens, device=device)
    windows = model.config.window or (None,) * model.config.layers
    logprobs: list[Tensor] = []
    for eight in (False, True):
        positions = torch.arange(len(ids), device=device)
        hidden = model.forward(ids, positions, DenseAttend(windows, eight))
        logprobs.append(model.logits(hidden[begin - 1 : -1]).float().log_softmax(-1))
    plain, other = logprobs
    losses = torch.stack([-x.gather(1, ids[begin:, None]).mean() for x in logprobs])
    nats = (plain.exp() * (plain - other)).sum(-1)
    return Distance(nats, plain.argmax(-1) == other.argmax(-1), losses)


def compare(client: Client, prompts: Sequence[Sequence[int]], tokens: int) -> list[Row]:
    """The model's distributions on texts of its own."""
    runner = client.engine.runner
    assert isinstance(runner, Runner), type(runner)
    model = runner.parts.model
    assert isinstance(model, Transformer), type(model)
    drawn = SamplingParams(max_tokens=tokens, temperature=1.0, seed=1, ignore_eos=True)
    found = [
        distance(model, [*prompt, *text], len(prompt))
        for prompt, (text, _) in zip(prompts, answers(client, prompts, drawn), strict=True)
    ]
    nats = torch.cat([d.nats for d in found])
    agree = torch.cat([d.agree for d in found])
    plain, other = torch.stack([d.losses for d in found]).mean(0).exp().tolist()
    return [
        Row("positions compared", len(nats)),
        Row("divergence, mean", nats.mean().item() * 1e3, "mnat"),
        Row("divergence, p99", nats.quantile(0.99).item() * 1e3, "mnat"),
        Row("the same likeliest token", agree.float().mean().item() * 100, "%"),
        Row("perplexity, keys and values as they are", plain),
        Row("perplexity, in eight bits", other),
    ]


def same_beginnings(left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> list[Row]:
    """How many answers are the same, and how much of them is before the first difference."""
    share = [
        next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        / max(len(a), len(b), 1)
        for a, b in zip(left, right, strict=True)
    ]
    whole = sum(a == b for a, b in zip(left, right, strict=True))
    return [
        Row("greedy answers that are the same", whole / len(share) * 100, "%"),
        Row("greedy tokens before a difference", math.fsum(share) / len(share) * 100, "%"),
    ]


def run(config: EngineConfig, texts: int, tokens: int) -> list[Row]:
    """All rows. The config's kv_dtype is not looked at."""
    greedy = SamplingParams(max_tokens=tokens)
    said: list[list[list[int]]] = []
    rows: list[Row] = []
    for kv_dtype in ("auto", "fp8"):
        client = open_client(replace(config, kv_dtype=kv_dtype))
        try:
            encode = client.resources.tokenizer.encode
            prompts = [encode(LINE.format(i, i + 2)) for i in range(texts)]
            said.append([answer for answer, _ in answers(client, prompts, greedy)])
            rows = rows or compare(client, prompts, tokens)
        finally:
            client.close()
    return [*rows, *same_beginnings(*said)]
