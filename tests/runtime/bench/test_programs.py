"""Programs give the same answers with and without sharing, and only sharing saves work."""

import random
from collections.abc import Iterator

import pytest

from trellis.runtime.bench.programs import compare, rows_of
from trellis.runtime.bench.serving import mischief, serve
from trellis.runtime.bench.serving.exchange import Address
from trellis.runtime.bench.serving.inside import Inside, inside
from trellis.runtime.bench.serving.mischief import MALFORMED
from trellis.runtime.bench.serving.options import LoadConfig
from trellis.runtime.bench.serving.overhead import measure as measure_overhead
from trellis.runtime.bench.serving.relay import relayed
from trellis.runtime.bench.serving.remote import GENS, measure
from trellis.runtime.bench.serving.remote import rows_of as remote_rows
from trellis.runtime.bench.serving.started import Started, started
from trellis.runtime.bench.shapes import shapes
from trellis.runtime.config import EngineConfig

CONFIG = EngineConfig(kv_tokens=16_384)


@pytest.fixture(scope="module")
def own() -> Iterator[Inside]:
    with inside(CONFIG) as engine:
        yield engine


@pytest.fixture(scope="module")
def server() -> Iterator[Started]:
    with started(CONFIG) as running:
        yield running


@pytest.mark.parametrize("shape", list(shapes(2, 3)), ids=lambda shape: shape.name)
def test_sharing_changes_no_answer_and_saves_work(own, shape):
    shared, apart = compare(shape, own.backend, own.flush)
    assert shared.values == apart.values
    assert apart.usage.cached == 0
    assert shared.usage.prompt == apart.usage.prompt
    assert shared.usage.cached > shared.usage.prompt / 2
    assert [row.case for row in rows_of(shape.name, shared, apart)][0].endswith("programs")


def test_ways_to_drive_an_agent_agree(own, server):
    with relayed(server.url) as relay:
        ways = measure(relay, own, rounds=1)
    whole, posted, calls, texts = ways
    assert whole.answers == posted.answers == calls.answers
    assert (whole.counts.requests, posted.counts.requests) == (1, 1)
    assert calls.counts.requests >= GENS == texts.counts.requests
    assert max(w.counts.up for w in (whole, posted, calls)) < texts.counts.up
    assert len(list(remote_rows(ways))) == 13


def test_a_server_is_measured_at_its_rates(server):
    asked = LoadConfig(groups=2, prompts=2, output_tokens=16, rates="50,inf")
    for api in ("generate", "openai"):
        options = LoadConfig(**{**_fields(asked), "api": api})
        rows = {row.case: row for row in serve.run(server.url, options).rows}
        assert rows["rate 50: failed"].ours == rows["rate inf: failed"].ours == 0
        assert rows["rate inf: TTFT p50"].ours <= rows["rate inf: E2E p50"].ours
        assert rows["rate inf: goodput"].ours <= rows["rate inf: answers"].ours * 1.000001


def test_a_server_that_answers_otherwise_does_not_pass_the_gate(server):
    with pytest.raises(SystemExit, match="differ"):
        serve.run(server.url, LoadConfig(groups=1, prompts=1), [[1] * 16] * 4)


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: body[:40])
async def test_every_malformed_body_is_refused(server, body, monkeypatch):
    monkeypatch.setattr(mischief, "MALFORMED", (body,))
    scene = mischief.Scene(Address.of(server.url), [([5], [6])], random.Random(0))
    assert await mischief.malformed(scene) == "refused"


def test_overhead_is_measured_beside_the_same_answers(server):
    rows = measure_overhead(server, CONFIG, 4)
    assert {row.unit for row in rows} == {"s", "x", "us", "ms", "KiB", "MiB"}
    assert all(row.ours > 0 for row in rows if row.unit in ("s", "x"))


def _fields(options: LoadConfig) -> dict:
    return {name: getattr(options, name) for name in LoadConfig.__slots__}
