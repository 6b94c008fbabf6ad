"""LateCount: how far a counter on the device can have come, without waiting for the device.

    count = LateCount(counter)
    count.bound(more)           # before a step that adds at most `more`

It refuses to know what is counted.
"""

import torch


class LateCount:
    """The most that a counter on the device can have reached, without waiting for the device.

    A copy of the counter is always on its way; when it has arrived the bound is what it says plus what the steps
    launched after it may have added.
    """

    def __init__(self, counter: torch.Tensor) -> None:
        self._counter = counter
        self._bound = 0
        self._since = 0
        self._copy: torch.Tensor | None = None
        self._event: torch.cuda.Event | None = None

    def bound(self, more: int) -> int:
        """The bound once a step has run that adds at most `more`."""
        if not self._counter.is_cuda:
            return int(self._counter) + more
        if self._copy is not None and self._event is not None and self._event.query():
            self._bound = int(self._copy) + self._since
            self._copy = None
        if self._copy is None:
            self._copy = torch.empty(1, dtype=torch.int32, pin_memory=True)
            self._copy.copy_(self._counter, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()
            self._since = 0
        self._bound += more
        self._since += more
        return self._bound

    def restart(self, more: int) -> None:
        """The counter was set to 0, and the step to come adds at most `more`."""
        self._bound = self._since = more
        self._copy = None
