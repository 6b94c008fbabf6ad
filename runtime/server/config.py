"""ServerConfig.

Every setting of the server, each described once, where the command line finds it too.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import ConfigError

LOG_FORMATS = ("text", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of one server.

    Raises ConfigError, naming the field, for a value that cannot be meant.
    """

    host: str = _setting(
        "127.0.0.1", "Address to listen on; 0.0.0.0 for every network, then with a key."
    )
    port: int = _setting(30000, "Port to listen on.")
    api_key: str | None = _setting(
        None, "Key that requests must carry, as `Authorization: Bearer KEY` or `X-API-Key: KEY`."
    )
    admin_key: str | None = _setting(
        None,
        "Key for operators' routes: cache, runs, abort, server_info. Without it they are closed where there is an"
        " --api-key, and open where there is none.",
    )
    served_name: str | None = _setting(
        None, "What clients call the model; its folder's name when absent."
    )
    programs: str | None = _setting(
        None,
        "Python file whose functions are served at /v1/programs; it runs with the server's rights.",
    )
    program_seconds: float = _setting(600.0, "Longest run of a program.")
    allowed_hosts: str | None = _setting(
        None,
        "Host names that requests may use, separated by commas. When absent: this machine's own"
        " names if only it can connect, else any.",
    )
    allowed_origins: str | None = _setting(
        None,
        "Origins of web pages that may use this server, separated by commas, such as https://app.example; * for"
        " all. Its own page always may.",
    )
    max_body_bytes: int = _setting(10 * 2**20, "Largest request body.")
    max_batch: int = _setting(1024, "Most prompts in one request.")
    max_states: int = _setting(16_384, "Most states that remote programs may hold at once.")
    state_seconds: float = _setting(600.0, "A state nobody uses for this long is released.")
    ready_seconds: float = _setting(
        5.0, "`/ready` fails when the engine has not answered within this time."
    )
    drain_seconds: int = _setting(30, "On SIGTERM, how long running requests may take to end.")

    log_format: Literal["text", "json"] = _setting(
        "text", "How lines of the log are written, on stderr; json for collectors of logs."
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "The least important lines that are written."
    )
    log_requests: bool = _setting(
        False,
        "A line for each request, program run and answer: ids, times and counts, never a text of them.",
    )
    otel: bool = _setting(
        False,
        "Spans of requests, programs, gens and steps, by OpenTelemetry; also where OTEL_EXPORTER_OTLP_ENDPOINT is set.",
    )

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of other web pages that are answered to."""
        return () if self.allowed_origins is None else tuple(self.allowed_origins.split(","))

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """The host names that are answered to; None for any."""
        if self.allowed_hosts is not None:
            return tuple(self.allowed_hosts.split(","))
        return LOOPBACK if self.host in LOOPBACK else None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port must be between 0 and 65535, got {self.port}")
        for name in ("api_key", "admin_key"):
            if (key := getattr(self, name)) is not None and not key.strip():
                raise ConfigError(f"{name} must not be empty: leave it out to serve without a key")
        positive = (
            "max_body_bytes",
            "max_batch",
            "max_states",
            "state_seconds",
            "ready_seconds",
            "program_seconds",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        for name, known in (("log_format", LOG_FORMATS), ("log_level", LOG_LEVELS)):
            if (value := getattr(self, name)) not in known:
                raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        if self.drain_seconds < 0:
            raise ConfigError(f"drain_seconds must not be negative, got {self.drain_seconds}")
