"""Peers: the same cases put to another engine that is installed, as its own users run it.

    with Peer("llguidance", folder, judge) as peer:
        answer = peer.answer(case)

The engine runs in a process of its own, on one thread and with its caches off, and is ended where a case takes longer
than SECONDS: that case has the status "budget". It is given the texts that we walk, and the same tokens. It is never a
dependency: whoever wants it beside ours installs it.
"""

import json
import os
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...constrained.errors import ConstraintError
from .cases import BadLine, Case
from .judging import Answer, Judge, Status, Tongue, allows, timed

SECONDS = 60.0
PEERS = ("xgrammar", "llguidance")
Mask = NDArray[np.uint32]


class PeerMissing(ValueError):
    """The engine is not known, or not installed."""


class Started(Protocol):
    """One text under way in an engine."""

    def mask(self) -> Mask: ...
    def accept(self, token: int) -> bool: ...


class Engine(Protocol):
    """An engine for one tokenizer. start raises whatever it raises for a schema that it refuses."""

    def start(self, schema: str) -> Started: ...


class Peer:
    """Another engine behind the judge's own interface. Raises PeerMissing."""

    def __init__(self, name: str, folder: Path, judge: Judge) -> None:
        if name not in PEERS:
            raise PeerMissing(f"--against knows {' and '.join(PEERS)}, got {name!r}")
        if find_spec(name) is None:
            raise PeerMissing(f"{name} is not installed: pip install {name}")
        assert judge.tongue is not None
        self.name = name
        self._folder = folder
        self._judge = judge
        self._open()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def answer(self, case: Case | BadLine) -> Answer:
        """What the engine makes of a case."""
        if isinstance(case, BadLine):
            return Answer(case.id, "invalid", message=case.reason)
        assert self._judge.tongue is not None
        encode = self._judge.tongue.tokenizer.continue_with
        texts = [encode(text) for text in self._texts(case)]
        with suppress(BrokenPipeError):
            self._pipe.send((case.id, case.schema, texts))
        try:
            if self._pipe.poll(SECONDS):
                return self._pipe.recv()
            status: Status = "budget"
            message = f"took longer than {SECONDS:.0f} s"
        except (EOFError, ConnectionError):
            status, message = "error", "its process died"
        self.close()
        self._open()
        return Answer(case.id, status, message=message)

    def _texts(self, case: Case) -> list[str]:
        """The instances as our grammar reads them; as json.dumps writes them where we do not know the schema."""
        values = [sample.data for sample in case.samples]
        try:
            writer = self._judge.writer(self._judge.settings.constraint(case.schema))
            return [writer.write(value) for value in values]
        except ConstraintError:
            return [json.dumps(value, ensure_ascii=False) for value in values]

    def _open(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self.name, self._folder), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe.send(("", '{"type": "object"}', []))  # whatever is made once is made now
        self._pipe.recv()


def _serve(pipe: Connection, name: str, folder: Path) -> None:
    """The process of an engine: cases in, answers out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # engines warn of each schema
    tongue = Tongue.from_folder(folder)
    engine: Engine = XGrammar(tongue) if name == "xgrammar" else LLGuidance(tongue, folder)
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            identifier, schema, texts = pipe.recv()
            pipe.send(answer_texts(engine, tongue, (identifier, schema, texts)))


def answer_texts(engine: Engine, tongue: Tongue, case: tuple[str, str, list[list[int]]]) -> Answer:
    """What an engine makes of a case: its id, its schema, and its texts as tokens."""
    identifier, schema, texts = case
    try:
        started, compiling = timed(lambda: engine.start(schema))
    except Exception as error:  # whatever an engine refuses with, it refuses
        return Answer(identifier, "unsupported", message=" ".join(str(error).split())[:300])
    masking = timed(started.mask)[1]
    verdicts: list[bool] = []
    times: list[float] = []
    eos = min(tongue.vocabulary.eos_ids)
    for text in texts:
        verdicts.append(_walk(engine.start(schema), [*text, eos], times))
    return Answer(
        identifier,
        "ok",
        compile_ms=compiling * 1e3,
        tests=tuple(verdicts),
        first_mask_ms=(compiling + masking) * 1e3,
        mask_us=tuple(times),
    )


def _walk(started: Started, tokens: list[int], times: list[float]) -> bool:
    """Whether every token is allowed, and the last, end of text, behind them."""
    for token in tokens[:-1]:
        mask, seconds = timed(started.mask)
        times.append(seconds * 1e6)
        if not allows(mask, token) or not started.accept(token):
            return False
    return allows(started.mask(), tokens[-1])


class XGrammar:
    """xgrammar, with any whitespace and properties beyond the declared ones where the schema allows them."""

    def __init__(self, tongue: Tongue) -> None:
        import xgrammar  # pyright: ignore[reportMissingImports]: a peer, never a dependency

        self._library: Any = xgrammar
        vocabulary = tongue.vocabulary
        tokens = [vocabulary.token(token) for token in range(vocabulary.size)]
        info = self._library.TokenizerInfo(
            tokens,
            vocab_type=self._library.VocabType.RAW,
            vocab_size=vocabulary.size,
            stop_token_ids=sorted(vocabulary.eos_ids),
        )
        self._compiler = self._library.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self._size = vocabulary.size
        self._last: tuple[str, Any] = ("", None)

    def start(self, schema: str) -> Started:
        """A matcher at its start; the schema asked for last is not compiled again."""
        if self._last[0] != schema:
            compiled = self._compiler.compile_json_schema(schema, strict_mode=False)
            self._last = schema, compiled
        matcher = self._library.GrammarMatcher(self._last[1])
        return _XGrammarText(matcher, self._library.allocate_token_bitmask(1, self._size))


class _XGrammarText:
    def __init__(self, matcher: Any, bits: Any) -> None:
        self._matcher = matcher
        self._bits = bits
        self._words: Mask = bits.numpy().view(np.uint32)[0]

    def mask(self) -> Mask:
        self._matcher.fill_next_token_bitmask(self._bits)
        return self._words

    def accept(self, token: int) -> bool:
        return self._matcher.accept_token(token)


class LLGuidance:
    """llguidance, with its own reading of tokenizer.json."""

    def __init__(self, tongue: Tongue, folder: Path) -> None:
        import llguidance  # pyright: ignore[reportMissingImports]: a peer, never a dependency

        self._library: Any = llguidance
        text = (folder / "tokenizer.json").read_text()
        self._tokenizer = self._library.LLTokenizer(
            text, n_vocab=tongue.vocabulary.size, eos_token=min(tongue.vocabulary.eos_ids)
        )

    def start(self, schema: str) -> Started:
        """A matcher at its start. Raises ValueError for what it refuses."""
        matcher = self._library.LLMatcher(
            self._tokenizer, self._library.LLMatcher.grammar_from_json_schema(schema)
        )
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return _LLGuidanceText(matcher)


class _LLGuidanceText:
    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def mask(self) -> Mask:
        return np.frombuffer(self._matcher.compute_bitmask(), np.uint32)

    def accept(self, token: int) -> bool:
        return self._matcher.consume_token(token)
