"""`trellis bench serve --tenants`: what one tenant of a server can do to another, and learn of it.

    rows = run(engine, TenantOptions(streams=128))

A quiet tenant asks one thing after the other, alone and beside a flood of more streams than the engine has rows: once
in the flood's own namespace, where nothing tells them apart, and once in another, where it has a share of its own.

Then the field's timing attack on prefix caches (CVE-2025-46570; Song et al., "The Early Bird Catches the Leak", 2024):
of many prompts a victim has sent half; another tenant sends each once and looks at its time to the first token. A rank
test says whether the two halves differ: in the victim's own namespace they must, or the test would see nothing, and in
another they must not. It refuses to know how a server keeps tenants apart.
"""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from ...config import EngineConfig
from ..table import Row
from .exchange import Address, ask
from .latency import percentile
from .load import Sizes, random_prompts
from .started import started
from .streams import Generate, stream

FLOOD_TOKENS, FLOOD_ANSWER = 128, 64
QUIET_TOKENS, QUIET_ANSWER, QUIET_ASKS = 64, 4, 40
PROBE_TOKENS = 192
ROWS = 32
FAIR_AIM = 0.5  # of the time beside a flood in one's own namespace
P_AIM = 0.01


@dataclass(frozen=True, slots=True)
class TenantOptions:
    """How much. streams: of the flood; probes: prompts that the attacker guesses."""

    streams: int = 128
    probes: int = 240
    seed: int = 0


class Salted(Generate):
    """/generate in a namespace."""

    def __init__(self, salt: str) -> None:
        self._salt = salt

    def body(self, ids: list[int], output: int) -> dict[str, Any]:
        """See Api."""
        return super().body(ids, output) | {"cache_salt": self._salt}


class Tenants:
    """Tenants of one server, and prompts that nobody has sent before."""

    def __init__(self, address: Address, vocabulary: int, seed: int) -> None:
        self._address = address
        self._vocabulary = vocabulary
        self._rng = random.Random(seed)

    def prompts(self, count: int, tokens: int) -> list[list[int]]:
        """So many prompts that have nothing in common, with each other or with earlier ones."""
        sizes = Sizes(1, count, tokens, 0, 0)
        return random_prompts(sizes, self._vocabulary, self._rng.getrandbits(64))

    async def first_ms(self, tenant: str, prompt: list[int], answer: int) -> float:
        """Milliseconds to the first token. Raises ValueError when there is no answer."""
        timing = (await stream(self._address, Salted(tenant), prompt, answer)).timing
        if timing.error is not None:
            raise ValueError(f"{tenant} got no answer: {timing.error}")
        return 1e3 * timing.ttft

    @asynccontextmanager
    async def flood(self, tenant: str, streams: int) -> AsyncIterator[None]:
        """So many clients that ask again as soon as they are answered."""

        async def client() -> None:
            while True:
                (prompt,) = self.prompts(1, FLOOD_TOKENS)
                await self.first_ms(tenant, prompt, FLOOD_ANSWER)

        clients = [asyncio.ensure_future(client()) for _ in range(streams)]
        await asyncio.sleep(2.0)  # until all rows are taken
        try:
            yield
        finally:
            for one in clients:
                one.cancel()
            ended = await asyncio.gather(*clients, return_exceptions=True)
            if failed := [e for e in ended if isinstance(e, Exception)]:
                raise failed[0]

    async def quiet(self, tenant: str) -> list[float]:
        """Times to the first token of one who asks one thing after the other."""
        prompts = self.prompts(QUIET_ASKS, QUIET_TOKENS)
        return [await self.first_ms(tenant, prompt, QUIET_ANSWER) for prompt in prompts]

    async def probe(self, victim: str, attacker: str, probes: int) -> "Probed":
        """What the attacker sees of prompts of which the victim has sent every other one."""
        prompts = self.prompts(probes, PROBE_TOKENS)
        sent = prompts[::2]
        for prompt in sent:
            await self.first_ms(victim, prompt, 1)
        order = [(prompt, index % 2 == 0) for index, prompt in enumerate(prompts)]
        self._rng.shuffle(order)
        seen = [(await self.first_ms(attacker, prompt, 1), known) for prompt, known in order]
        return Probed([ms for ms, known in seen if known], [ms for ms, known in seen if not known])


@dataclass(frozen=True, slots=True)
class Probed:
    """Times to the first token, in ms, of prompts that the victim had sent, and of others."""

    sent: Sequence[float]
    other: Sequence[float]

    @property
    def earlier(self) -> float:
        """How likely a prompt that was sent is answered sooner than one that was not; 0.5: timing tells nothing."""
        return 1 - _rank_sum(self.sent, self.other) / (len(self.sent) * len(self.other))

    @property
    def p(self) -> float:
        """How likely a difference like this one is by chance: Mann and Whitney's test, both sides, as a normal."""
        first, second = len(self.sent), len(self.other)
        both = first + second
        spread = math.sqrt(first * second * (both + 1) / 12)
        distance = abs(_rank_sum(self.sent, self.other) - first * second / 2)
        return math.erfc(max(distance - 0.5, 0.0) / spread / math.sqrt(2))


def _rank_sum(first: Sequence[float], second: Sequence[float]) -> float:
    """Mann and Whitney's U: pairs in which the first is larger; equal ones count half."""
    return sum((a > b) + 0.5 * (a == b) for a in first for b in second)


async def measure(url: str, options: TenantOptions) -> list[Row]:
    """All of it, of a server that runs."""
    address = Address.of(url)
    known = (await ask(address, "/model_info")).json()
    tenants = Tenants(address, known["vocab_size"], options.seed)
    await tenants.quiet("warm")
    alone = await tenants.quiet("quiet")
    async with tenants.flood("flood", options.streams):
        among = await tenants.quiet("flood")
    async with tenants.flood("flood", options.streams):
        beside = await tenants.quiet("quiet")
    own = await tenants.probe("victim", "victim", options.probes)
    other = await tenants.probe("victim", "attacker", options.probes)
    return [*_shares(alone, among, beside), *_leaks(own, other)]


def _shares(alone: list[float], among: list[float], beside: list[float]) -> Iterable[Row]:
    cases = (("alone", alone), ("in the flood's namespace", among), ("in its own", beside))
    for name, times in cases:
        yield Row(f"quiet tenant {name}: TTFT p50", percentile(times, 0.5), "ms")
        yield Row(f"quiet tenant {name}: TTFT p95", percentile(times, 0.95), "ms")
    ratio = percentile(beside, 0.5) / percentile(among, 0.5)
    yield Row("beside a flood, in its own namespace over in the flood's", ratio, "", FAIR_AIM)


def _leaks(own: Probed, other: Probed) -> Iterable[Row]:
    for name, probed in (("own", own), ("another", other)):
        yield Row(
            f"probes in {name} namespace, sent before: p50", percentile(probed.sent, 0.5), "ms"
        )
        yield Row(f"probes in {name} namespace, not sent: p50", percentile(probed.other, 0.5), "ms")
        yield Row(f"probes in {name} namespace: sent is sooner", probed.earlier)
    yield Row("chance of such a difference in own namespace", own.p, "", P_AIM)
    yield Row("chance of such a difference in another", other.p, "", P_AIM, "high")


def run(engine: EngineConfig, options: TenantOptions) -> list[Row]:
    """All of it, of a server that is started for it, with fewer rows than the flood has streams."""
    rows = min(engine.max_running, ROWS, max(options.streams // 2, 1))
    with started(replace(engine, max_running=rows)) as server:
        return asyncio.run(measure(server.url, options))
