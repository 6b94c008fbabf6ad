"""GrammarFolder: grammars kept as files, for the next process that wants them.

    folder = GrammarFolder(Path("~/.cache/trellis/grammars").expanduser())
    grammar = folder.read(key)          # None if there is none
    folder.write(key, grammar)

A file is named after the hash of its key, the format and the release; it begins with a checksum, and holds plain
arrays that are checked before they are used: nothing in it is executed, and whatever they say, walking them ends, and
stays within them. Files appear whole or not at all, however many processes write. The folder and each file in it must
belong to the user and let no other write; links are not followed. What is slow: a millisecond for each file. It refuses
to know limits on how a grammar may be compiled, and does not keep those of the host tier.
"""

import contextlib
import hashlib
import io
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..grammar.grammar import Grammar
from ..grammar.place import ACTION, AHEAD, CALLER, EXACT, LIMITS, Compiled
from ..machine.tables import finish

FORMAT = "trellis grammar 2"
TABLES = "classes", "edges", "actions", "returns", "numbers"
TYPES = np.uint8, np.int32, np.int64, np.int32, np.int64


class GrammarFolder:
    """A folder of grammars, bounded in bytes; the oldest files go first. Raises ValueError if it is not the user's."""

    def __init__(self, path: Path, most_bytes: int = 256 << 20) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(path.stat()):
            raise ValueError(f"{path} must belong to the user, and no other may write there")
        self._path = path
        self._most_bytes = most_bytes

    def read(self, key: str) -> Grammar | None:
        """The grammar that was written with this key; None if there is none, or not a sound one."""
        try:
            data = self._read(self._file(key))
        except OSError:
            return None
        body = data[32:]
        if hashlib.sha256(body).digest() != data[:32]:
            return None
        tables = self._unpack(body)
        return None if tables is None else _restore(tables)

    def write(self, key: str, grammar: Compiled[Any]) -> None:
        """Keeps a grammar of the device's tier; of another, or where the disk does not let it, nothing happens."""
        if not isinstance(grammar, Grammar):
            return
        numbers = np.array([grammar.first_return, grammar.verdicts, grammar.start.state], np.int64)
        tables = grammar.classes, grammar.edges, grammar.actions, grammar.returns, numbers
        body = io.BytesIO()
        np.savez(body, **dict(zip(TABLES, tables, strict=True)))
        data = body.getvalue()
        with contextlib.suppress(OSError):
            self._put(self._file(key), hashlib.sha256(data).digest() + data)
            self._shrink()

    def _read(self, path: Path) -> bytes:
        """A file of the user's own, nothing of any other."""
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            sound = stat.S_ISREG(status.st_mode) and status.st_size <= self._most_bytes
            return file.read() if sound and _is_private(status) else b""

    def _unpack(self, body: bytes) -> list[np.ndarray] | None:
        """The tables in a file; None if they are not there, damaged, or larger than all files may be."""
        try:
            with zipfile.ZipFile(io.BytesIO(body)) as packed:
                if sum(entry.file_size for entry in packed.infolist()) > self._most_bytes:
                    return None
            with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
                return [arrays[name] for name in TABLES]
        except (ValueError, KeyError, zipfile.BadZipFile, OSError, EOFError, NotImplementedError):
            return None

    def _file(self, key: str) -> Path:
        return self._path / hashlib.sha256(f"{FORMAT}\n{key}".encode()).hexdigest()

    def _put(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise

    def _shrink(self) -> None:
        files = sorted(self._statuses(), key=lambda file: file[0].st_mtime_ns)
        excess = sum(status.st_size for status, _ in files) - self._most_bytes
        for status, path in files:
            if excess <= 0:
                return
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                os.unlink(path)
            excess -= status.st_size

    def _statuses(self) -> Iterator[tuple[os.stat_result, str]]:
        """Of every file that is still there."""
        for entry in os.scandir(self._path):
            with contextlib.suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False), entry.path


def _is_private(status: os.stat_result) -> bool:
    """Whether something belongs to the user, and no other may write it."""
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _restore(tables: list[np.ndarray]) -> Grammar | None:
    """The grammar with these tables, if they are tables of one."""
    if any(t.dtype != kind for t, kind in zip(tables, TYPES, strict=True)):
        return None
    classes, edges, actions, returns, numbers = tables
    if classes.shape != (256,) or edges.ndim != 2 or actions.shape[1:] != (ACTION,):
        return None
    if returns.ndim != 1 or not len(returns) or numbers.shape != (3,) or not len(edges):
        return None
    first, verdicts, start = numbers.tolist()
    width = 1 + verdicts
    sound = 1 <= first <= len(returns) and verdicts > 0 and 0 < start < len(edges)
    if not sound or (len(returns) - first) % width or classes.max() >= edges.shape[1] - AHEAD:
        return None
    rows = returns[first:].reshape(-1, width)
    pushes = set(range(first + 1, len(returns), width)) | {0}
    states, fewest = len(edges), -1 - len(actions)
    inside = (
        (abs(edges[:, 0].astype(np.int64)) <= verdicts).all()
        and _matter(edges[:, 1], first) and _matter(rows[:, 0], first)
        and ((edges[:, AHEAD:] < states) & (edges[:, AHEAD:] >= min(fewest, CALLER))).all()
        and ((rows[:, 1:] >= 0) & (rows[:, 1:] < states)).all()
        and ((actions[:, 4:6] < states) & (actions[:, 4:6] >= fewest) & (actions[:, 4:6] != CALLER)).all()
        and pushes.issuperset(actions[:, 6:8].reshape(-1).tolist())
        and ((actions[:, 4:6] >= 0) | (actions[:, 6:8] > 0)).all()  # or actions could follow each other for ever
        and (actions[:, 8:10] >= (actions[:, 6:8] > 0)).all()
        and ((actions[:, 10] == 0) | ((actions[:, 10] >= fewest) & (actions[:, 10] < CALLER))).all()
        and (-2 - actions[:, 10] > np.where(actions[:, 10] < 0, np.arange(len(actions)), -3)).all()
        and not edges[0].any()
    )  # fmt: skip
    return finish(classes, edges, actions, returns, (first, verdicts, start)) if inside else None


def _matter(values: np.ndarray, first: int) -> bool:
    """Whether these say of registers that none, all, or those near existing limits matter."""
    return bool(((values >= EXACT) & (values <= max(0, first - LIMITS))).all())
