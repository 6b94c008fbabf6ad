"""Grammars on disk: for the next process, and whatever lies there, of whomever, nothing worse than None comes of it."""

import hashlib
import io
import os
import random
import threading
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.compiling.folder import TABLES, GrammarFolder
from trellis.constrained.compiling.lowering import compile_constraint
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.limits import Limits
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import Constraint, JsonSchema, Regex
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.kernels.cpu.masks.native import NativePlaces, compile_masks
from trellis.kernels.cpu.target import Target

VOCABULARY = Vocabulary([b"a", b"b", None], frozenset({2}))
SCHEMA = JsonSchema(
    '{"type": "array", "items": {"type": "string", "maxLength": 30}, "maxItems": 5}'
)


def compiled(constraint: Constraint) -> Grammar:
    grammar = compile_constraint(constraint, Limits(), Fragments(1 << 20))
    assert isinstance(grammar, Grammar)
    return grammar


class Never:
    """Workers that must not be asked, or whose only future the test settles."""

    def __init__(self) -> None:
        self.jobs: list[Future] = []

    def submit(self, constraint: Constraint, tenant: str) -> Future:
        self.jobs.append(Future())
        return self.jobs[-1]

    def close(self) -> None:
        pass


def test_a_folder_serves_the_next_process(tmp_path: Path) -> None:
    for constraint in (SCHEMA, Regex("a|bc")):
        workers = [Never(), Never()]
        first, again = (
            Compiler(VOCABULARY, lambda text: [], workers=w, folder=GrammarFolder(tmp_path))
            for w in workers
        )
        caller = first.submit(constraint)
        workers[0].jobs[0].set_result(compiled(constraint))
        grammar, found = caller.result(), again.submit(constraint).result()
        assert found.key == grammar.key and found.start == grammar.start and not workers[1].jobs
        assert (found.has_forced == grammar.has_forced).all()


def test_what_was_tampered_with_is_not_used(tmp_path: Path) -> None:
    folder, grammar = GrammarFolder(tmp_path), compiled(SCHEMA)
    folder.write("key", grammar)
    assert folder.read("key").key == grammar.key and folder.read("other") is None
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert folder.read("key") is None
    path.write_bytes(b"")
    assert folder.read("key") is None


@pytest.mark.parametrize("table", ["edges", "actions", "returns"])
def test_tables_that_point_outside_are_not_used(tmp_path: Path, table: str) -> None:
    folder, grammar = GrammarFolder(tmp_path), compiled(SCHEMA)
    assert grammar.actions.size and grammar.first_return < len(grammar.returns)
    changed = getattr(grammar, table).copy()
    changed.reshape(-1)[-1] = grammar.states + 9999
    object.__setattr__(grammar, table, changed)
    folder.write("key", grammar)
    assert folder.read("key") is None


def test_the_folder_is_bounded_and_private(tmp_path: Path) -> None:
    folder, grammar = GrammarFolder(tmp_path / "kept", 30_000), compiled(Regex("a{50}"))
    for i in range(40):
        folder.write(str(i), grammar)
        os.utime(max((tmp_path / "kept").iterdir(), key=lambda p: p.stat().st_mtime_ns), ns=(i, i))
    files = list((tmp_path / "kept").iterdir())
    assert sum(f.stat().st_size for f in files) <= 30_000 and len(files) < 40
    assert folder.read("39") is not None and folder.read("0") is None
    (tmp_path / "kept").chmod(0o777)
    with pytest.raises(ValueError, match="belong to the user"):
        GrammarFolder(tmp_path / "kept")
    assert isinstance(grammar.edges, np.ndarray)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def sealed(body: bytes) -> bytes:
    """A file whose checksum is right, whatever is in it."""
    return hashlib.sha256(body).digest() + body


def packed(save=np.savez, **tables: np.ndarray) -> bytes:
    body = io.BytesIO()
    save(body, **tables)
    return sealed(body.getvalue())


def test_broken_files_are_not_used(tmp_path: Path) -> None:
    folder = GrammarFolder(tmp_path, 1 << 20)
    folder.write("key", compiled(Regex("a|bc")))
    path = only_file(tmp_path)
    whole = path.read_bytes()
    for length in (*range(0, len(whole) - 1, 97), len(whole) - 1):
        for data in (whole[:length], sealed(whole[32:length])):
            path.write_bytes(data)
            assert folder.read("key") is None
    for data in (b"x" * 40, sealed(b""), sealed(b"PK"), packed(), packed(edges=np.zeros(3))):
        path.write_bytes(data)
        assert folder.read("key") is None
    path.write_bytes(whole)
    assert folder.read("key") is not None


def test_what_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    folder = GrammarFolder(tmp_path, 1 << 20)
    folder.write("key", compiled(Regex("a|bc")))
    path, zeros = only_file(tmp_path), np.zeros(1 << 21, np.int32)
    small = packed(np.savez_compressed, **dict.fromkeys(TABLES, zeros))
    assert len(small) < 1 << 17
    path.write_bytes(small)
    assert folder.read("key") is None
    path.write_bytes(b"x" * ((1 << 20) + 1))
    assert folder.read("key") is None


def test_files_of_others_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, elsewhere = tmp_path / "kept", tmp_path / "elsewhere"
    folder = GrammarFolder(kept)
    folder.write("key", compiled(Regex("ab")))
    path = only_file(kept)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: os.stat(kept).st_uid + 1)
        assert folder.read("key") is None
        with pytest.raises(ValueError, match="belong to the user"):
            GrammarFolder(kept)
    path.chmod(0o666)
    assert folder.read("key") is None
    path.chmod(0o600)
    assert folder.read("key") is not None
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert folder.read("key") is None
    path.unlink()
    path.mkdir()
    assert folder.read("key") is None
    path.rmdir()
    os.mkfifo(path)
    assert folder.read("key") is None


def test_many_may_write_at_once(tmp_path: Path) -> None:
    """Readers find whole grammars or none, the folder stays bounded, and nothing half is left."""
    grammars = [compiled(Regex(f"a{{{n}}}")) for n in range(1, 7)]
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        rng, folder = random.Random(seed), GrammarFolder(tmp_path, 20_000)
        try:
            for _ in range(30):
                number = rng.randrange(6)
                folder.write(str(number), grammars[number])
                found = folder.read(str(rng.randrange(6)))
                assert found is None or found.key in {g.key for g in grammars}
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    GrammarFolder(tmp_path, 20_000).write("0", grammars[0])
    files = list(tmp_path.iterdir())
    assert sum(file.stat().st_size for file in files) <= 20_000
    assert all(len(file.name) == 64 for file in files)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["classes", "edges", "actions", "returns", "numbers"]),
        st.integers(0, 1 << 20),
        st.integers(-40, 60) | st.sampled_from([-(1 << 31), (1 << 31) - 1]),
    ),
    min_size=1,
    max_size=4,
)
CODE = compile_masks(Target.of_host())
SOME = [
    *(bytes([byte]) for byte in b'[]{}",:\\utre01abcd-. \xc3\xa9'),
    b"[[",
    b'"a',
    b'","',
    b"bca",
]
FEW = Vocabulary([*SOME, None], frozenset({len(SOME)}))
GRAMMARS = [compiled(c) for c in (SCHEMA, JsonSchema("true"), Regex("(a|bc){2,40}d"))]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CHANGES, st.sampled_from(GRAMMARS))
def test_tables_with_any_numbers_are_refused_or_harmless(
    tmp_path: Path, changes: list[tuple[str, int, int]], grammar: Grammar
) -> None:
    """What passes for a grammar can be walked: it ends, stays within its tables, and all who walk it agree."""
    folder = GrammarFolder(tmp_path)
    numbers = np.array([grammar.first_return, grammar.verdicts, grammar.start.state], np.int64)
    tables = {name: getattr(grammar, name).copy() for name in TABLES if name != "numbers"}
    tables["numbers"] = numbers
    for name, at, value in changes:
        table = tables[name].reshape(-1)
        if table.size:
            low, high = np.iinfo(table.dtype).min, np.iinfo(table.dtype).max
            table[at % table.size] = max(low, min(high, value))
    folder._file("key").write_bytes(packed(**tables))
    found = folder.read("key")
    if found is None:
        return
    place, maker, rng = found.start, NativePlaces(FEW, CODE), random.Random(0)
    for _ in range(12):
        mask = np.unpackbits(maker.mask(found, place).view(np.uint8), bitorder="little")
        ways = {t: found.take(place, FEW.token(t)) for t in range(len(SOME))}
        assert mask[: len(SOME)].tolist() == [way is not None for way in ways.values()]
        onward = [way for way in ways.values() if way is not None]
        if not onward:
            return
        place = rng.choice(onward)
