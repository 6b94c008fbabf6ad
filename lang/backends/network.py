"""Network: failures of a connection in words that a program's reader understands, and replies that are errors.

    url = checked_url("http://localhost:30000/")     # no slash at its end
    with reached(url): response = await session.post(url)
    reply = ErrorReply.read(status, url, content, headers)       # what a codec makes an exception of

It refuses to know what is sent.
"""

import contextlib
import json
import urllib.parse
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

import aiohttp

from ..errors import LangError
from .retry import Unreachable

SHOWN = 200


class Refused(LangError):
    """The server refused the call (a key that is missing or wrong, a route that it does not have), or says nonsense."""


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """A reply that says why there is no answer; status 200 for an error in the middle of a stream.

    error: at least a message; retry_seconds: when the same call may be made again, if the reply says so.
    """

    status: int
    url: str
    error: Mapping[str, Any]
    retry_seconds: float | None = None

    @property
    def message(self) -> str:
        """In the server's words."""
        return str(self.error["message"])

    @property
    def host(self) -> str:
        """Who says so."""
        return urllib.parse.urlsplit(self.url).hostname or self.url

    @classmethod
    def read(cls, status: int, url: str, content: bytes, headers: Mapping[str, str]) -> Self:
        """A reply with the status of an error, or one that sends the caller elsewhere."""
        if status < 400:
            place = headers.get("Location", "another place")
            return cls(status, url, {"message": f"what is asked for is at {place}"})
        after = headers.get("Retry-After", "")
        text = content.decode(errors="replace")
        return cls(status, url, _error_in(text), float(after) if after.isdigit() else None)

    @classmethod
    def told(cls, url: str, event: Mapping[str, Any]) -> Self:
        """An error event of a stream that began well."""
        return cls(200, url, _said(event, ""))


@contextlib.contextmanager
def reached(url: str) -> Generator[None]:
    """Raises Unreachable, TimeoutError or ConnectionError for what the client raises."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        why = error.os_error.strerror or str(error)
        raise Unreachable(f"cannot connect to {url}: {why}. Is a server running there?") from error
    except aiohttp.ConnectionTimeoutError as error:
        raise Unreachable(f"cannot connect to {url}: {error}") from error
    except aiohttp.ServerTimeoutError as error:
        raise TimeoutError(f"{url} gave no sign of life for too long") from error
    except aiohttp.ClientError as error:
        raise ConnectionError(f"the connection to {url} broke: {error}") from error


def checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises ValueError for one that no server can be at."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"the URL must begin with http:// or https:// and name a host, got {url!r}"
        )
    return url.rstrip("/")


def _error_in(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    return _said(cast(dict[str, Any], body) if isinstance(body, dict) else {}, text)


def _said(body: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """The error in a body, however it is wrapped."""
    error = body.get("error", body)
    if isinstance(error, dict) and "message" in error:
        return cast(dict[str, Any], error)
    return {"message": error if isinstance(error, str) else text[:SHOWN] or "no message"}
