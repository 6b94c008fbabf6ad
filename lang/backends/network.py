"""Network: failures of a connection in words that a program's reader understands, and what error replies say.

    with told(url): response = await client.send(request)
    error_of(response)["message"], retry_seconds(response)

It refuses to know what is sent.
"""

import contextlib
from collections.abc import Generator
from typing import Any, cast

import httpx

from .retry import Unreachable


@contextlib.contextmanager
def told(url: str) -> Generator[None]:
    """Raises Unreachable, TimeoutError or ConnectionError for what httpx raises."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreachable(f"cannot connect to {url}: {error}") from error
    except httpx.TimeoutException as error:
        raise TimeoutError(f"{url} gave no sign of life for too long") from error
    except httpx.TransportError as error:
        raise ConnectionError(f"the connection to {url} broke: {error}") from error


def error_of(response: httpx.Response, body: Any = None) -> dict[str, Any]:
    """What an error reply, or an error event in a stream (`body`), says: at least a message."""
    if body is None:
        try:
            body = response.json()
        except ValueError:
            body = None
    known = cast(dict[str, Any], body) if isinstance(body, dict) else {}
    error = known.get("error", known)
    if isinstance(error, dict) and "message" in error:
        return cast(dict[str, Any], error)
    return {"message": error if isinstance(error, str) else response.text[:200] or "no message"}


def retry_seconds(response: httpx.Response) -> float | None:
    """When the same call may be made again, if the reply says so."""
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else None
