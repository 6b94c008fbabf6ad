"""Checkpoint: finished items of a batch in a JSONL file, so that a batch that was killed goes on where it was.

    checkpoint = Checkpoint("extract.jsonl", "extract")
    key = checkpoint.key(item)                 # by what the item says, and how often it came before
    if (line := checkpoint.found(key)) is not None: ...
    checkpoint.add(key, line)                  # written at once

The first line says whose file it is. A last line that was cut by a kill is dropped. An item that failed is recorded,
and tried again by the next batch. What is slow: reading the file, once. It refuses to know how items are run.
"""

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from ..errors import InvalidProgram

FORMAT = "trellis.batch"
VERSION = 1


class Checkpoint:
    """One open file. found lines are plain data: key, value, variables, text, error."""

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._lines: dict[str, dict[str, Any]] = {}
        whole = self._read(name)
        self._file: TextIO = self.path.open("a", encoding="utf-8")
        if not whole:
            self._write({"format": FORMAT, "version": VERSION, "function": name})

    def key(self, item: Mapping[str, Any]) -> str:
        """What the item is known by. Raises InvalidProgram for one that is no data."""
        from pydantic_core import PydanticSerializationError, to_jsonable_python

        try:
            text = json.dumps(to_jsonable_python(dict(item)), sort_keys=True)
        except (PydanticSerializationError, ValueError) as error:
            raise InvalidProgram(f"a checkpoint needs items that are data: {error}") from error
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        with self._lock:
            self._seen[digest] += 1
            return f"{digest}.{self._seen[digest]}"

    def found(self, key: str) -> dict[str, Any] | None:
        """The line of an item that is done; None if it is not, or failed."""
        line = self._lines.get(key)
        return line if line is not None and line.get("error") is None else None

    def add(self, key: str, line: Mapping[str, Any]) -> None:
        """Writes a finished item down. From any thread."""
        self._write({"key": key, **line})

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False)
        with self._lock:
            self._file.write(text + "\n")
            self._file.flush()

    def _read(self, name: str) -> bool:
        """Takes in what is there; cuts off a line that was not finished. False: there is no whole line."""
        if not self.path.exists():
            return False
        data = self.path.read_bytes()
        end = data.rfind(b"\n") + 1
        if end < len(data):
            os.truncate(self.path, end)
        lines = data[:end].splitlines()
        for number, text in enumerate(lines, 1):
            line = self._parsed(text, number)
            if number == 1:
                self._check_head(line, name)
            else:
                self._lines[line["key"]] = line
        return bool(lines)

    def _parsed(self, text: bytes, number: int) -> dict[str, Any]:
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or (number > 1 and "key" not in line):
            raise InvalidProgram(f"{self.path}:{number}: this is no line of a checkpoint")
        return cast(dict[str, Any], line)

    def _check_head(self, head: Mapping[str, Any], name: str) -> None:
        if head.get("format") != FORMAT or head.get("version") != VERSION:
            raise InvalidProgram(f"{self.path} is no checkpoint of a batch: name another file")
        if head.get("function") != name:
            raise InvalidProgram(
                f"{self.path} holds a batch of {head.get('function')!r}, not {name!r}: name another file"
            )
