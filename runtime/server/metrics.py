"""Metrics: what Prometheus reads at /metrics, under the prefix `trellis:`, with the field's names.

    meters = Meters()
    meters.observe(finish, usage)             # every answer that ends
    body = meters.render(stats)               # stats: the engine's counts now; None: it does not answer

Times are seconds. It refuses to know HTTP.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ...lang.backends.base import Delta, Finish, Prompt, Usage
from ...lang.nodes.params import SamplingParams
from .telemetry.watching import Work

FIRST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
EACH = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1)
WHOLE = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)

GAUGES = {
    "num_requests_running": ("Requests being computed.", "running"),
    "num_requests_waiting": ("Requests that wait for their turn.", "waiting"),
}
TOTALS = {
    "engine_steps": ("Steps of the engine.", "steps"),
    "prefix_cache_queries": ("Prompt tokens looked up in the radix tree.", "prompt"),
    "prefix_cache_hits": ("Prompt tokens found there.", "cached"),
    "forced_tokens": ("Tokens that a constraint left no choice about.", "forced"),
    "sampled_tokens": ("Tokens drawn by the model.", "sampled"),
}
PARTS = ("plan", "launch", "wait", "commit", "emit")


class Meters:
    """Everything that is counted, in a `registry` of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._engine = _EngineCounts()
        self.registry.register(self._engine)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"trellis:{name}", text, labels, registry=self.registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"trellis:{name}", text, buckets=buckets, registry=self.registry)

        self._ended = counter("request_success", "Answers by how they ended.", "finished_reason")
        self._prompt = counter("prompt_tokens", "Tokens of the prompts of ended answers.")
        self._generated = counter("generation_tokens", "Tokens of ended answers.")
        self._first = histogram("time_to_first_token_seconds", "Until the first token.", FIRST)
        self._each = histogram(
            "request_time_per_output_token_seconds",
            "Per token after the first, of one answer.",
            EACH,
        )
        self._whole = histogram("e2e_request_latency_seconds", "Until the last token.", WHOLE)

    def watch(self, name: str, text: str, count: Callable[[], float]) -> None:
        """Reports what `count` gives, whenever it is asked for."""
        Gauge(f"trellis:{name}", text, registry=self.registry).set_function(count)

    def observe(self, finish: Finish, usage: Usage) -> None:
        """Counts an answer that has ended."""
        self._ended.labels(finish.reason).inc()
        self._prompt.inc(usage.prompt)
        self._generated.inc(usage.generated)
        self._whole.observe(usage.seconds)
        if usage.first_token_seconds is not None:
            self._first.observe(usage.first_token_seconds)
            if usage.generated > 1:
                rest = usage.seconds - usage.first_token_seconds
                self._each.observe(rest / (usage.generated - 1))

    def watch_answers(self, work: Work, prompt: Prompt, params: SamplingParams) -> "_AnswerCount":
        """A Watch that counts the answers of one call."""
        return _AnswerCount(self.observe)

    def render(self, stats: Mapping[str, Any] | None) -> bytes:
        """The text that Prometheus reads."""
        self._engine.stats = stats
        return generate_latest(self.registry)


class _AnswerCount:
    """Counts answers with their last Delta."""

    def __init__(self, observe: Callable[[Finish, Usage], None]) -> None:
        self._observe = observe

    def hear(self, delta: Delta) -> None:
        if delta.finish is not None:
            self._observe(delta.finish, delta.usage or Usage())

    def end(self, error: BaseException | None) -> None:
        """An answer that was left has no numbers to count."""


class _EngineCounts(Collector):
    """The engine's own counts, as it told them last."""

    def __init__(self) -> None:
        self.stats: Mapping[str, Any] | None = None

    def collect(self) -> Iterator[Metric]:
        stats = self.stats
        up = 0 if stats is None else 1
        yield GaugeMetricFamily("trellis:engine_up", "Whether the engine answers.", up)
        if stats is None:
            return
        for name, (text, key) in GAUGES.items():
            yield GaugeMetricFamily(f"trellis:{name}", text, stats[key])
        pages = stats["pages"]
        text = "Pages of the KV pool, by who has them; at idle, free and cached are all."
        family = GaugeMetricFamily("trellis:kv_pages", text, labels=["owner"])
        for owner in ("free", "cached", "private"):
            family.add_metric([owner], pages[owner])
        yield family
        used = 1 - pages["free"] / pages["total"]
        yield GaugeMetricFamily(
            "trellis:kv_cache_usage_perc", "Part of the pool in use, 0 to 1.", used
        )
        lost = pages["total"] - pages["free"] - pages["cached"] - pages["private"]
        yield GaugeMetricFamily("trellis:kv_pages_lost", "Pages nobody has: must be 0.", lost)
        text = "Requests that gave their row back to others."
        yield CounterMetricFamily("trellis:num_preemptions", text, stats["preemptions"])
        for name, (text, key) in TOTALS.items():
            yield CounterMetricFamily(f"trellis:{name}", text, stats["times"][key])
        seconds = CounterMetricFamily(
            "trellis:engine_step_seconds", "Time of the engine's loop.", labels=["part"]
        )
        for part in PARTS:
            seconds.add_metric([part], stats["times"][part])
        yield seconds
