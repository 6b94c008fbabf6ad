"""Every route of the OpenAPI page, with what schemathesis makes of it: bodies that its schema allows, and others."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

import trellis as tr
from trellis.runtime.config import EngineConfig
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.served import Served, serve_local

sys.path.insert(0, str(Path(__file__).parent))

from judging import judge

# Short, so that an answer that nobody bounds ends soon.
SMALL = EngineConfig(kv_tokens=4096, context=96, max_waiting=64)
HOST = {"host": "localhost"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    backend = tr.Engine(kv_tokens=4096, context=96, max_waiting=64)
    yield serve_local(backend, SMALL)
    backend.close()


@pytest.fixture(scope="module")
def page(served: Served) -> Any:
    app = create_app(served, ServerConfig(program_seconds=2))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def send(case: Any) -> int:
    """The status of the reply, once it is judged."""
    reply = case.call(headers=HOST)
    headers = {name: values[0] for name, values in reply.headers.items()}
    judge(case.operation.path, reply.status_code, headers, reply.content)
    return reply.status_code


def test_no_request_that_the_page_suggests_is_a_failure(page: Any, served: Served) -> None:
    operations = [found.ok() for found in page.get_all_operations()]
    assert len(operations) > 30
    seen: Counter[tuple[str, int]] = Counter()
    for operation in operations:
        ask_of(operation, served.name, seen)
    answered = {path for path, status in seen if status == 200}
    assert len(answered) > 15, seen


def ask_of(operation: Any, model: str, seen: Counter[tuple[str, int]]) -> None:
    """Draws requests of one operation, and sends them."""
    plain = not operation.body and not len(operation.path_parameters) + len(operation.query)
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrong = right if plain else operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    many = 8 if settings.get_current_profile_name() == "fixed" else 300

    @settings(
        max_examples=1 if plain else many,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=right | wrong, named=st.booleans())
    def ask(case: Any, named: bool) -> None:
        if named and isinstance(case.body, dict) and "model" in case.body:
            case.body["model"] = model
        seen[operation.path, send(case)] += 1

    ask()
