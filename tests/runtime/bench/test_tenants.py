"""What is said of two tenants: the rank test against counting, and servers that tell and that do not."""

import asyncio
import itertools
import math
import random

import pytest

from trellis.runtime.bench.serving import tenants as module
from trellis.runtime.bench.serving.exchange import Address
from trellis.runtime.bench.serving.latency import Timing
from trellis.runtime.bench.serving.streams import Api, Streamed
from trellis.runtime.bench.serving.tenants import Probed, Tenants


def test_the_rank_test_is_that_of_counting() -> None:
    rng = random.Random(3)
    first, second = ([rng.random() for _ in range(5)] for _ in range(2))
    probed = Probed(first, second)
    pooled = sorted(first + second)
    # Of all ways to choose five of the ten, those that are at least as uneven.
    uneven = total = 0
    for chosen in itertools.combinations(pooled, 5):
        other = Probed(chosen, [x for x in pooled if x not in chosen])
        total += 1
        uneven += abs(other.earlier - 0.5) >= abs(probed.earlier - 0.5) - 1e-9
    assert probed.p == pytest.approx(uneven / total, abs=0.05)


def test_what_the_rank_test_says_of_plain_cases() -> None:
    low, high = list(range(20)), list(range(50, 70))
    assert Probed(low, high).earlier == 1 and Probed(low, high).p < 1e-6
    assert Probed(high, low).earlier == 0 and Probed(high, low).p < 1e-6
    assert Probed(low, low).earlier == 0.5 and math.isclose(Probed(low, low).p, 1.0)


class Pretended:
    """A server that is as quick as its cache: in the cache of a namespace, or in one of all."""

    def __init__(self, apart: bool) -> None:
        self._apart = apart
        self._sent: set[tuple[str, tuple[int, ...]]] = set()
        self._rng = random.Random(5)

    async def stream(self, address: Address, api: Api, ids: list[int], output: int) -> Streamed:
        await asyncio.sleep(0)
        salt = api.body(ids, output)["cache_salt"]
        entry = (salt if self._apart else "", tuple(ids))
        seconds = self._rng.uniform(1, 2) if entry in self._sent else self._rng.uniform(4, 9)
        self._sent.add(entry)
        return Streamed("", Timing(0.0, (seconds,), output))


@pytest.mark.parametrize(("apart", "told"), [(True, False), (False, True)])
async def test_a_shared_cache_is_found_out(
    monkeypatch: pytest.MonkeyPatch, apart: bool, told: bool
) -> None:
    monkeypatch.setattr(module, "stream", Pretended(apart).stream)
    tenants = Tenants(Address("127.0.0.1", 1), 300, 1)
    own = await tenants.probe("victim", "victim", 40)
    other = await tenants.probe("victim", "attacker", 40)
    assert own.earlier == 1 and own.p < 1e-6
    assert (other.p < 0.01) == told


async def test_a_failed_answer_ends_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> Streamed:
        return Streamed("", Timing(0.0, (), 0, "status 500"))

    monkeypatch.setattr(module, "stream", broken)
    with pytest.raises(ValueError, match="status 500"):
        await Tenants(Address("127.0.0.1", 1), 300, 1).quiet("a")
