"""The field's incidents in which a server ran what it was given, or read or fetched what it should not, by name."""

import ast
import json
import pickle
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import trellis as tr
from trellis.lang.tools.formats import deepseek, hermes, llama, mistral
from trellis.lang.tools.formats.form import UnreadableCall
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.config import EngineConfig
from trellis.runtime.errors import ModelError
from trellis.runtime.server import auth
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.conversation.reader import Reader
from trellis.runtime.server.served import Served, serve_local

ROOT = Path(__file__).parents[2]
FOLDERS = ("lang", "runtime", "radix", "constrained", "kernels")
SOURCES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
FORMS = [hermes.FORM, llama.FORM, mistral.FORM, mistral.NAMED, deepseek.FORM, deepseek.FENCED]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    backend = tr.Engine(kv_tokens=4096)
    yield serve_local(backend, EngineConfig(kv_tokens=4096))
    backend.close()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(served, ServerConfig()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t", timeout=60) as opened:
        yield opened


class Evil:
    """What leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self._mark,)


# -- what a model says -------------------------------------------------------------------------------------------------

HOSTILE = [
    "<tool_call>" * 3000,
    '<tool_call>\n{"name": "' + "a" * 12_000,
    '<tool_call>\n{"name": "' + "\\" * 12_000,
    "<tool_call>\n" + "[" * 20_000,
    '[TOOL_CALLS][{"name": "f", "arguments": {' + '"a": {' * 20_000,
    "[TOOL_CALLS]" + "f" * 12_000 + "[ARGS]",
    '{"name": "f", "parameters": ' + "{" * 12_000,
    " " * 12_000 + "<think>" * 2000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:16])
def test_cve_2025_48887_output_parsers_take_linear_time(text: str) -> None:
    before = time.process_time()
    for form in FORMS:
        try:
            form.find(text)
        except UnreadableCall as error:
            assert str(error)
        reader = Reader(form, ("<think>", "</think>"))
        for at in range(0, len(text), 4):
            reader.push(text[at : at + 4])
        reader.end(cut=True)
    assert time.process_time() - before < 12


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_cve_2025_9141_no_tool_call_is_evaluated(form: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    bodies = [evil, f'{{"name": {evil}, "{form.key}": {{}}}}', f"f{form.name_end}{{'a': {evil}}}"]
    for body in bodies:
        with pytest.raises(UnreadableCall):
            form.read(body)
    assert not mark.exists()


async def test_a_head_that_never_ends_is_text(client: httpx.AsyncClient) -> None:
    reader = Reader(hermes.FORM)
    text = 'so <tool_call>\n{"name": "' + "a" * 5000
    events = [event for at in range(0, len(text), 7) for event in reader.push(text[at : at + 7])]
    events += reader.end(cut=True)
    said = "".join(event.text for event in events)  # type: ignore[union-attr]
    assert reader.calls == 0 and said.count("a") == 5002 and "<tool_call>" in said


# -- what is code ------------------------------------------------------------------------------------------------------


def names_used(path: Path) -> set[str]:
    """Modules that a file imports, and functions that it calls by their bare name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(f"{node.func.id}()")
    return found


def test_cve_2025_32444_and_2026_3059_nothing_is_unpickled_or_evaluated() -> None:
    banned = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "eval()"}
    found = {str(path.relative_to(ROOT)): names_used(path) & banned for path in SOURCES}
    # Between a server and the compile workers that it starts itself: SECURITY.md says so.
    own = {n for n in found if n.startswith("constrained/compiling/") and found[n] == {"pickle"}}
    used = {name: names for name, names in found.items() if name not in own}
    assert {path: names for path, names in used.items() if names} == {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled model, to be spoiled."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "model"))


def test_cve_2025_24357_a_pickled_checkpoint_is_not_opened(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(tmp_path / "mark")))
    with pytest.raises(ModelError, match="pickled"):
        tr.Engine(str(folder), kv_tokens=1024)
    assert not (tmp_path / "mark").exists()


def test_cve_2025_66448_auto_map_runs_nothing(folder: Path, tmp_path: Path) -> None:
    code = f"from pathlib import Path\nPath({str(tmp_path / 'mark')!r}).touch()\nclass Any: pass\n"
    (folder / "evil.py").write_text(code)
    for name in ("config.json", "tokenizer_config.json"):
        known = json.loads((folder / name).read_text())
        wanted = {f"Auto{kind}": "evil.Any" for kind in ("Config", "Model", "ModelForCausalLM")}
        known |= {"auto_map": wanted | {"AutoTokenizer": ["evil.Any", None]}}
        (folder / name).write_text(json.dumps(known))
    tr.Engine(str(folder), kv_tokens=1024).close()
    assert not (tmp_path / "mark").exists()


async def test_cve_2025_61620_no_request_brings_a_template(client: httpx.AsyncClient) -> None:
    chat = {"model": "seedling", "messages": [{"role": "user", "content": "a"}]}
    bomb = "{% for a in range(10**9) %}{% endfor %}"
    for path, more in (
        ("/v1/chat/completions", {"chat_template": bomb}),
        ("/v1/messages", {"chat_template": bomb, "max_tokens": 3}),
        ("/v1/states/render", {"template": bomb}),
    ):
        reply = await client.post(path, json=chat | more)
        assert reply.status_code == 400, reply.text


# -- what is fetched and read ------------------------------------------------------------------------------------------

ADDRESSES = [
    "http://169.254.169.254/x",
    "file:///etc/passwd",
    "http://localhost:1/x",
    "data:image/png;base64,AA",
]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_cve_2025_6242_and_2026_33626_no_media_are_fetched(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    bodies = {
        "/v1/chat/completions": {"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": address}}]}]},
        "/v1/responses": {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": address}]}]},
        "/v1/messages": {"max_tokens": 3, "messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": address}}]}]},
    }  # fmt: skip
    for path, body in bodies.items():
        reply = await client.post(path, json={"model": "seedling"} | body)
        assert reply.status_code == 400, reply.text
    reply = await client.post("/generate", json={"text": "a", "image_data": address})
    assert reply.status_code == 400


NAMES = ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "a/../../b", "\0"]


@pytest.mark.parametrize("name", NAMES)
async def test_cve_2026_7302_names_are_no_paths(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    quoted = name.replace("\0", "%00")
    for path in ("/v1/models/", "/v1/responses/", "/v1/programs/"):
        reply = await client.get(path + quoted)
        assert reply.status_code in (400, 404, 405), (path, reply.text)
        assert "root:" not in reply.text
    body = {"model": name, "messages": [{"role": "user", "content": "a"}]}
    assert (await client.post("/v1/chat/completions", json=body)).status_code == 404
    params = {"max_new_tokens": 1}
    body = {"text": "a", "cache_salt": name, "rid": name, "sampling_params": params}
    assert (await client.post("/generate", json=body)).status_code in (200, 400)
    assert list(tmp_path.iterdir()) == []


async def test_cve_2025_59425_keys_are_compared_in_constant_time(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    compare = auth.hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(auth.hmac, "compare_digest", watched)
    app = create_app(served, ServerConfig(api_key="a long secret key"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        for key in ("a", "a long secret kez", "x" * 5000):
            reply = await client.get("/model_info", headers={"authorization": f"Bearer {key}"})
            assert reply.status_code == 401
    # Digests of one length, whatever was sent: nothing is told of how much of a key is right.
    assert len(compared) >= 3 and {size for pair in compared for size in pair} == {32}
