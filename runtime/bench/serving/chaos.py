"""`trellis bench serve --chaos`: a bad day for a server that was started for it on this machine.

    seen = run(engine, ChaosOptions(streams=64, requests=1200))
    seen.rows()                                  # what was seen beside what must be; a breach is a row that is missed

Many streams at once do what mischief.py says, in waves. In the second the engine's process is killed. After each wave
everything must be idle again with every page free or cached, and memory is looked at: in the last wave it must not grow
much, and of a long day its slope over the last half is told. Bounded in requests, and it touches no server but its own.
It refuses to know how acts are judged.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ...config import EngineConfig
from ..table import Row
from .exchange import Address, ask
from .load import Sizes, random_prompts
from .mischief import ACTS, BREACHES, LONG, Act, Scene
from .started import Started, started

KILLED_WAVE = 1
PROMPTS, PROMPT_TOKENS = 16, 40
ACT_SECONDS, IDLE_SECONDS, READY_AIM_SECONDS = 120.0, 30.0, 10.0
# Waited after each `told`, ever longer: clients that all come back at once keep a small machine from starting.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 1.0
GROWTH_AIM_MIB, SLOPE_AIM_MIB, SLOPE_REQUESTS = 16.0, 0.1, 10_000
# Of fewer requests, what the first of a kind takes for good is still most of what is seen.
GROWTH_FROM, SLOPE_FROM = 1000, 50_000
# A page takes memory when it is first written: in a large pool that looks like a leak for a long time. A small one is
# written all over in the first wave, and makes the engine evict and preempt.
KV_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """How much. streams: at once; requests: in all waves together, tries of what was told to try again not counted."""

    streams: int = 64
    requests: int = 3000
    seed: int = 0
    waves: int = 4


@dataclass(slots=True)
class Seen:
    """What was seen. lost_pages: the most that were neither free nor cached after a wave.

    resident: bytes of server and engine after each wave.
    """

    outcomes: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    ready_seconds: float = float("inf")
    lost_pages: int = 0
    busy_waves: int = 0
    resident: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    requests: int = 0
    seconds: float = 0.0

    def rows(self) -> Iterable[Row]:
        """What was seen beside what must be."""
        for name in sorted(set(self.outcomes) - set(BREACHES)):
            yield Row(f"ended as {name}", self.outcomes[name])
        for name in BREACHES:
            yield Row(f"ended as {name}", self.outcomes[name], "", 0, "equal")
        ended = sum(count for name, count in self.outcomes.items() if name != "told")
        yield Row("requests that ended, of all", ended, "", self.requests, "equal")
        yield Row("waves after which the server was not idle", self.busy_waves, "", 0, "equal")
        yield Row("pages neither free nor cached at idle", self.lost_pages, "", 0, "equal")
        yield Row("ready again after the kill", self.ready_seconds, "s", READY_AIM_SECONDS)
        for place, name in enumerate(("server", "engine")):
            yield from self._memory(name, [wave[place] / 2**20 for wave in self.resident])
        yield Row("all of it", self.seconds, "s")

    def _memory(self, name: str, waves: list[float]) -> Iterator[Row]:
        """What is said of MiB that were held after each wave."""
        each = self.requests // len(waves)
        for number, held in enumerate(waves[:-1], 1):
            yield Row(f"{name}'s memory after {number * each:,} requests", held, "MiB")
        yield Row(f"{name}'s memory after the last wave", waves[-1], "MiB")
        aim = GROWTH_AIM_MIB if self.requests >= GROWTH_FROM else None
        yield Row("its growth during the last wave", max(waves[-1] - waves[-2], 0.0), "MiB", aim)
        if self.requests >= SLOPE_FROM:
            points = [(number * each, held) for number, held in enumerate(waves)]
            each_time = slope(points[len(points) // 2 :]) * SLOPE_REQUESTS
            case = f"its slope over the last half, in {SLOPE_REQUESTS:,} requests"
            yield Row(case, each_time, "MiB", SLOPE_AIM_MIB)

    @property
    def breached(self) -> bool:
        """Whether something was seen that must not be."""
        return any(row.reached is False for row in self.rows())


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line that is nearest to the points by least squares; 0 where they say nothing of one."""
    if len({x for x, _ in points}) < 2:
        return 0.0
    x_mean, y_mean = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    return sum((x - x_mean) * (y - y_mean) for x, y in points) / spread


class Day:
    """One run over one server. known: prompts and their answers."""

    def __init__(
        self, server: Started, known: list[tuple[list[int], list[int]]], options: ChaosOptions
    ) -> None:
        self.seen = Seen()
        self._server = server
        self._address = Address.of(server.url)
        self._options = options
        self._rng = random.Random(options.seed)
        self._scene = Scene(self._address, known, self._rng)
        self._ended = 0

    async def spend(self) -> None:
        """All waves, and a look at the server after each."""
        begun = time.perf_counter()
        each = max(1, self._options.requests // self._options.waves)
        for wave in range(self._options.waves):
            self._ended = 0
            killing = asyncio.ensure_future(self._kill(each)) if wave == KILLED_WAVE else None
            acts = iter(self._rng.choices(list(ACTS), list(ACTS.values()), k=each))
            await asyncio.gather(*(self._play(acts) for _ in range(self._options.streams)))
            if killing is not None:
                await killing
            self.seen.requests += each
            await self._look()
        self.seen.seconds = time.perf_counter() - begun

    async def _play(self, acts: Iterator[Act]) -> None:
        """One stream: an act after the other, tried again for as long as it is told to."""
        for act in acts:
            until, pause = time.perf_counter() + ACT_SECONDS, FIRST_PAUSE_SECONDS
            while (outcome := await self._once(act)) == "told" and time.perf_counter() < until:
                self.seen.outcomes["told"] += 1
                await asyncio.sleep(pause * (1 + self._rng.random()))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            # Who is told to try again for ever gets no answer.
            self.seen.outcomes["lost" if outcome == "told" else outcome] += 1
            self._ended += 1

    async def _once(self, act: Act) -> str:
        try:
            async with asyncio.timeout(ACT_SECONDS):
                return await act(self._scene)
        except (OSError, TimeoutError) as error:
            self.seen.reasons[f"{act.__name__}: {type(error).__name__}: {error}"] += 1
            return "lost"

    async def _kill(self, each: int) -> None:
        """Kills the engine once half of the wave is over, and waits until the server is ready with another."""
        while self._ended < each // 2:
            await asyncio.sleep(0.01)
        killed = self._server.engine
        assert killed is not None, "there is no engine to kill"
        os.kill(killed, signal.SIGKILL)
        begun = time.perf_counter()
        while time.perf_counter() - begun < IDLE_SECONDS:
            with contextlib.suppress(OSError):
                reply = await ask(self._address, "/ready")
                if reply.status == 200 and self._server.engine not in (None, killed):
                    self.seen.ready_seconds = time.perf_counter() - begun
                    return
            await asyncio.sleep(0.02)

    def _resident(self) -> tuple[int, int]:
        server = self._server
        return server.resident(server.process.pid), server.resident(server.engine)

    async def _look(self) -> None:
        """Waits for the end of all work, then counts pages and memory."""
        until = time.perf_counter() + IDLE_SECONDS
        while not _idle(found := await self._metrics()) and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        self.seen.busy_waves += not _idle(found)
        lost = found.get("trellis:kv_pages_lost", 0) + found.get(PRIVATE, 0)
        self.seen.lost_pages = max(self.seen.lost_pages, int(abs(lost)))
        self.seen.resident.append(self._resident())

    async def _metrics(self) -> dict[str, float]:
        reply = await ask(self._address, "/metrics")
        lines = (
            line.rpartition(" ") for line in reply.body.decode().splitlines() if line[0] != "#"
        )
        return {name: float(value) for name, _, value in lines}


PRIVATE = 'trellis:kv_pages{owner="private"}'


def _idle(metrics: dict[str, float]) -> bool:
    """Whether an engine answers, and has nothing to do."""
    counts = ("trellis:num_requests_running", "trellis:num_requests_waiting", PRIVATE)
    return metrics.get("trellis:engine_up") == 1 and not any(metrics[name] for name in counts)


def _known(engine: EngineConfig) -> list[tuple[list[int], list[int]]]:
    """Prompts, and the answers to each alone by an engine in this process."""
    from .inside import inside

    with inside(engine) as own:
        size = own.client.resources.tokenizer.size
        prompts = random_prompts(Sizes(1, PROMPTS, PROMPT_TOKENS, 0, LONG), size, 11)
        return list(zip(prompts, own.alone(prompts, LONG), strict=True))


def run(engine: EngineConfig, options: ChaosOptions) -> Seen:
    """One bad day of a server with this engine, whose pool is small unless the config says how large."""
    engine = replace(engine, kv_tokens=engine.kv_tokens or KV_TOKENS)
    known = _known(engine)
    with started(engine) as server:
        day = Day(server, known, options)
        asyncio.run(day.spend())
    return day.seen
