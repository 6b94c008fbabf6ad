"""Heads: the size of what a request says before its body, and after it, enforced while it is read.

    uvicorn.run(app, http=LimitedHeads)

The parser that is fast keeps what it is sent until a line is whole, however long that line gets. It refuses to know
bodies, which limits.py counts.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 2**10
TOO_LARGE = "The head of the request is too large."


class LimitedHeads(HttpToolsProtocol):
    """A connection whose requests have a first line, headers and trailers of at most MAX_HEAD_BYTES together.

    Of a line that does not end no more is held than that and what one read of the socket brings.
    """

    _head = 0  # bytes of lines of this request
    _held = 0  # bytes received since the parser last gave something

    def data_received(self, data: bytes) -> None:
        """Reads on. Closes the connection, with status 400, when a head is too large."""
        self._held += len(data)
        super().data_received(data)
        if self._held > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head = self._held = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the first line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which comes after the body."""
        self._count(len(name) + len(value) + len(b": \r\n"))
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._held = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._held = 0
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._held = 0
        self._head += size
        if self._head > MAX_HEAD_BYTES:
            raise ValueError(TOO_LARGE)  # the parser's own error, for who called it
