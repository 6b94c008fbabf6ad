"""Network: failures of a connection in words that a program's reader understands.

    with told(url): response = await client.send(request)

It refuses to know what is sent.
"""

import contextlib
from collections.abc import Generator

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
