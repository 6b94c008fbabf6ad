"""Logs: lines for people or for machines, on stderr, and what they say of an answer.

    configure_logs("json", "info")
    log.info("request", extra={"fields": {"method": "GET", "status": 200}})
    {"time": "2026-01-01T00:00:00.000Z", "level": "info", "logger": "trellis.server", "event": "request", ...}

Every line has the id of the request that it is about, where there is one. Lines of libraries take the same form.
"""

import hashlib
import json
import logging
import logging.config
import time
from datetime import UTC, datetime
from typing import Any

from ....lang.backends.base import Delta, Finish, Prompt, Usage
from ....lang.nodes.params import SamplingParams
from .current import current_id
from .watching import Work

log = logging.getLogger("trellis.server")


def configure_logs(form: str, level: str) -> None:
    """Sends the lines of this process to stderr. form: "text" or "json"; level: the least that is told."""
    lines = {"()": JsonLines if form == "json" else TextLines}
    handler = {"class": "logging.StreamHandler", "formatter": "lines"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": lines},
            "handlers": {"stderr": handler},
            "root": {"handlers": ["stderr"], "level": level.upper()},
        }
    )


class JsonLines(logging.Formatter):
    """A line as a JSON object. error: the traceback, with its lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        data = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        data |= {"event": record.getMessage(), **_fields(record)}
        if record.exc_info:
            data["error"] = self.formatException(record.exc_info)
        return json.dumps(data, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A line as time, level, event and its fields, the traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname.lower():8}{record.getMessage()}{told}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: v for name, v in getattr(record, "fields", {}).items() if v is not None}
    id = current_id()
    return fields if id is None else {"request_id": id, **fields}


def tenant_of(namespace: str) -> str | None:
    """A tenant's name in logs and spans: a digest of its namespace; None for the one that all share."""
    return hashlib.sha256(namespace.encode()).hexdigest()[:12] if namespace else None


class AnswerLines:
    """A Watch that tells of each answer as it ends, or of the call that came to none."""

    def __init__(self, work: Work, prompt: Prompt, params: SamplingParams) -> None:
        self._about = {
            "work": work,
            "gen": prompt.name or None,
            "tenant": tenant_of(params.namespace),
        }
        self._began = time.monotonic()
        self._told = 0

    def hear(self, delta: Delta) -> None:
        """Tells of an answer with its last Delta."""
        if delta.finish is not None:
            self._told += 1
            _tell("answer", self._about | _finished(delta.finish, delta.usage or Usage()))

    def end(self, error: BaseException | None) -> None:
        """Tells of a call that was left or failed, and of one that makes no answers."""
        seconds = round(time.monotonic() - self._began, 6)
        if error is not None:
            _tell("answer", {**self._about, "error": type(error).__name__, "seconds": seconds})
        elif not self._told:
            _tell("answer", {**self._about, "seconds": seconds})


def _finished(finish: Finish, usage: Usage) -> dict[str, Any]:
    """How an answer ended and what it took: numbers and one word."""
    return {
        "finish": finish.reason,
        "prompt_tokens": usage.prompt,
        "cached_tokens": usage.cached,
        "generated_tokens": usage.generated,
        "forced_tokens": usage.forced,
        "seconds": round(usage.seconds, 6),
        "first_token_seconds": usage.first_token_seconds,
    }


def _tell(event: str, fields: dict[str, Any]) -> None:
    log.info(event, extra={"fields": fields})
