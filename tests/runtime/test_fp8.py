"""An engine whose keys and values are eight bits each: it says what the model says over such keys, and whichever way
the work is scheduled, the same."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from trellis.kernels.fp8 import dequantise, quantise
from trellis.lang.backends.base import Piece, Prefix, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.client import Client
from trellis.runtime.config import EngineConfig
from trellis.runtime.errors import ConfigError
from trellis.runtime.launch import open_client
from trellis.runtime.memory.pools import Pool, PoolShape

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
TEXTS = [f"Question {i}: " + "why is the sky blue? " * (i + 1) for i in range(7)]


def open_tiny(folder: Path, device: str, **options: Any) -> Client:
    chosen = {"kv_tokens": 4096, "dtype": "float32", "max_running": 16, "threads": 1} | options
    return open_client(EngineConfig(model=str(folder), device=device, kv_dtype="fp8", **chosen))


@pytest.fixture(scope="module", params=DEVICES)
def client(request: pytest.FixtureRequest, tiny_folder: Path) -> Iterator[Client]:
    opened = open_tiny(tiny_folder, request.param)
    yield opened
    opened.close()


async def ask(
    client: Client, text: str, base: Prefix | None = None, **params: Any
) -> dict[int, list[int]]:
    """Each answer's tokens."""
    tokens: dict[int, list[int]] = {}
    chosen = SamplingParams(**({"max_tokens": 20, "ignore_eos": True} | params))
    async for delta in client.generate(Prompt(base, (Piece(text),)), chosen, None):
        tokens.setdefault(delta.index, []).extend(t.id for t in delta.tokens)
    return tokens


async def ask_all(client: Client, **params: Any) -> list[list[int]]:
    asked = (ask(client, text, **params) for text in TEXTS)
    return [a[0] for a in await asyncio.gather(*asked)]


def answer(client: Client, text: str, **params: Any) -> dict[int, list[int]]:
    return asyncio.run(ask(client, text, **params))


def flush(client: Client) -> None:
    client.engine.call(lambda: client.engine.scheduler.cache.flush())


def round_trip(x: torch.Tensor) -> torch.Tensor:
    return dequantise(*quantise(x), x.dtype)


def test_greedy_is_what_the_model_says_over_such_keys(client: Client) -> None:
    """Each token is the argmax of a dense forward whose keys and values went through eight bits."""
    parts = client.engine.runner.parts
    assert parts.pool.data.dtype == torch.float8_e4m3fn
    assert parts.decoder is None
    got = answer(client, TEXTS[1])[0]
    tokens = client.encoder.encode(Prompt(None, (Piece(TEXTS[1]),)))[0] + got

    def attend(layer: int, q: Any, k: Any, v: Any) -> torch.Tensor:
        q, k, v = (x.transpose(0, 1) for x in (q, round_trip(k), round_trip(v)))
        out = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=True, enable_gqa=True
        )
        return out.transpose(0, 1).contiguous()

    ids = torch.tensor(tokens, device=parts.pool.data.device)
    with torch.inference_mode():
        hidden = parts.model.forward(ids, torch.arange(len(ids), device=ids.device), attend)
        logits = parts.model.logits(hidden)
    assert logits[len(tokens) - len(got) - 1 : -1].argmax(-1).tolist() == got


def test_batched_equals_alone_and_cached_equals_fresh(client: Client) -> None:
    flush(client)
    batched = asyncio.run(ask_all(client))
    cached = [answer(client, text)[0] for text in TEXTS]
    fresh = []
    for text in TEXTS:
        flush(client)
        fresh.append(answer(client, text)[0])
    assert cached == fresh == batched


def test_chunked_equals_whole_and_graphs_equal_plain_launches(
    client: Client, tiny_folder: Path
) -> None:
    device = client.engine.runner.rows.device.type
    flush(client)
    whole = asyncio.run(ask_all(client, temperature=0.9, seed=3))
    small = open_tiny(tiny_folder, device, max_step_tokens=17, graphs=False)
    try:
        assert asyncio.run(ask_all(small, temperature=0.9, seed=3)) == whole
    finally:
        small.close()


def test_forked_equals_separate(client: Client) -> None:
    """Branches of a partly filled page each have a copy of it, scales and all."""
    flush(client)
    forked = answer(client, TEXTS[4], n=4, seed=11, temperature=1.0)
    for index in range(4):
        flush(client)
        assert answer(client, TEXTS[4], seed=11 + index, temperature=1.0)[0] == forked[index]


def test_preempted_equals_undisturbed(client: Client, tiny_folder: Path) -> None:
    device = client.engine.runner.rows.device.type
    options = {"max_tokens": 90, "temperature": 1.0, "seed": 7}
    plenty = asyncio.run(ask_all(client, **options))
    small = open_tiny(tiny_folder, device, kv_tokens=512)
    try:
        assert asyncio.run(ask_all(small, **options)) == plenty
        assert small.engine.scheduler.preemptions > 0
    finally:
        small.close()


def test_a_copied_page_has_its_scales() -> None:
    pool = Pool(PoolShape(2, 3, 8, 16, torch.float8_e4m3fn), 4, torch.device("cpu"))
    shapes = [tuple(x.shape) for x in pool.copied()]
    assert shapes == [(2, 2, 4, 3, 16, 8), (2, 4, 3, 16, 2)]
    assert pool.layer(1).scales is not None
    plain = Pool(PoolShape(2, 3, 8, 16, torch.float32), 4, torch.device("cpu"))
    assert plain.copied() == (plain.data,)


@pytest.mark.parametrize("dim", [64, 128, 256])
def test_a_pool_holds_nearly_twice_the_tokens(dim: int) -> None:
    eight, half = (
        PoolShape(32, 8, dim, 16, dtype).page_bytes
        for dtype in (torch.float8_e4m3fn, torch.bfloat16)
    )
    assert half / eight == 2 * dim / (dim + 2)


def test_what_cannot_be_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="kv_dtype must be auto or fp8, got 'int4'"):
        EngineConfig.of(kv_dtype="int4")
