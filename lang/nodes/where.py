"""where_is: the place in the program that called, for error messages."""

import sys


def where_is(depth: int) -> str:
    """`file:line` of a caller, cheaply: no traceback is built. 1 is who calls this, 2 is who called that, ..."""
    frame = sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]: the documented way to the caller's line
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
