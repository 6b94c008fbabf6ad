"""Coming: the pages that running requests are just computing, so that nobody computes them a second time.

    coming = Coming(running, page_size)
    coming.has_next_of(request, cached)     # whether it should wait for one of them
    coming.add(request)                     # it runs now

A page is known by its tokens, where it begins and whose they are; what lies before it is not looked at, so a request
may wait for a page that is none of its own, until that is computed. It refuses to know the cache.
"""

from collections.abc import Iterable

from .request import Request


class Coming:
    """The next page of each request whose prompt is being computed."""

    def __init__(self, running: Iterable[Request], page_size: int) -> None:
        self._size = page_size
        self._pages: set[tuple[str, int, tuple[int, ...]]] = {
            self._page(r, r.committed)
            for r in running
            if r.committed + page_size <= r.prompt_length
        }

    def __bool__(self) -> bool:
        return bool(self._pages)

    def add(self, request: Request) -> None:
        """One more that runs."""
        self._pages.add(self._page(request, request.committed))

    def has_next_of(self, request: Request, cached: int) -> bool:
        """Whether the page behind a request's `cached` tokens is among them; not one that it must compute itself."""
        if request.matchable < cached // self._size * self._size + self._size:
            return False
        return self._page(request, cached) in self._pages

    def _page(self, request: Request, cached: int) -> tuple[str, int, tuple[int, ...]]:
        start = cached // self._size * self._size
        return request.params.namespace, start, tuple(request.tokens[start : start + self._size])
