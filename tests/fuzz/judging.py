"""What a reply may be, whatever was sent."""

import json
from collections.abc import Mapping

# An engine that has much to do may say so; that it is broken (500) it may not say.
ALLOWED = {200, 400, 401, 403, 404, 405, 413, 415, 422, 429, 503, 504}


def judge(path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raises AssertionError unless the reply is an answer, or an error in the shape of the route's API."""
    assert status in ALLOWED, f"{path}: {status} {body[:600]!r}"
    if status < 400:
        return
    assert headers["content-type"].startswith("application/json"), headers
    said = json.loads(body)
    error = said["error"]
    assert error["message"] and error["type"], said
    assert "Traceback" not in error["message"], said
    if path.startswith("/v1/messages"):
        assert said["type"] == "error", said
    else:
        assert "param" in error, said
    if status in (429, 503):
        assert int(headers["retry-after"]) > 0, headers
