"""LoadConfig: every setting of `trellis bench serve`, each described once, where the command line finds it too.

It imports nothing that is slow, and refuses to know what is done with the settings.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from ...errors import ConfigError
from .latency import Objectives
from .load import Sizes


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig:
    """What is asked of the server, and of which."""

    start: bool = _setting(False, "Start a server on this machine and measure that.")
    overhead: bool = _setting(
        False, "Instead: start one, and measure it beside an engine in this process."
    )
    chaos: bool = _setting(
        False, "Instead: start one, and give it a bad day; exit code 1 when it breaks a promise."
    )
    tenants: bool = _setting(
        False, "Instead: start one, and measure what one tenant can do to another, and learn of it."
    )
    streams: int = _setting(256, "With --overhead, --chaos and --tenants: streams at once.")
    requests: int = _setting(3000, "With --chaos: requests in all.")
    waves: int = _setting(
        4, "With --chaos: times that all must be idle, with memory looked at; 4 at least."
    )

    rates: str = _setting("4,16,inf", "Arrivals a second, separated by commas; inf: all at once.")
    workload: Literal["generated-shared-prefix", "random"] = _setting(
        "generated-shared-prefix", "Groups of prompts that begin alike, or prompts that do not."
    )
    groups: int = _setting(64, "Groups of prompts.")
    prompts: int = _setting(16, "Prompts in a group.")
    system_tokens: int = _setting(
        2048, "Tokens that a group has in common; lengths are halved until the model takes them."
    )
    question_tokens: int = _setting(128, "Tokens of a prompt's own.")
    output_tokens: int = _setting(256, "Tokens of an answer.")
    api: Literal["generate", "openai"] = _setting(
        "generate", "Words of the server: /generate, or /v1/completions, which others have too."
    )
    seconds: float | None = _setting(
        None, "Fewer groups at a rate at which all would arrive in more than so many seconds."
    )
    limit_seconds: float = _setting(
        600.0, "Longest time for one rate; what is not answered by then has failed."
    )
    name: str | None = _setting(None, "What results call the server; as it says when absent.")
    key: str | None = _setting(None, "The server's API key.")
    vocabulary: int | None = _setting(None, "Ids of prompts are below this; as the server says.")
    arrival_seed: int = _setting(0, "Seed of prompts, arrivals and mischief.")
    ttft_ms: float | None = _setting(1000.0, "Goodput: longest time to the first token.")
    tpot_ms: float | None = _setting(50.0, "Goodput: longest time per output token.")
    e2e_ms: float | None = _setting(None, "Goodput: longest time to the end.")

    @property
    def each_rate(self) -> list[float]:
        """The rates as numbers."""
        return [float(part) for part in self.rates.split(",")]

    @property
    def sizes(self) -> Sizes:
        """How much is asked, before it is made to fit."""
        lengths = (self.system_tokens, self.question_tokens, self.output_tokens)
        return Sizes(self.groups, self.prompts, *lengths)

    @property
    def objectives(self) -> Objectives:
        """When an answer is good."""
        return Objectives(self.ttft_ms, self.tpot_ms, self.e2e_ms)

    def __post_init__(self) -> None:
        counts = ("groups", "prompts", "system_tokens", "question_tokens", "output_tokens")
        for name in (*counts, "streams", "requests"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.waves < 4:
            raise ConfigError(f"waves must be at least 4, got {self.waves}")
        for name in ("seconds", "limit_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be above 0, got {value}")
        try:
            rates = self.each_rate
        except ValueError as error:
            raise ConfigError(f"rates must be numbers or inf, got {self.rates!r}") from error
        if not all(rate > 0 for rate in rates):
            raise ConfigError(f"rates must be above 0, got {self.rates!r}")
