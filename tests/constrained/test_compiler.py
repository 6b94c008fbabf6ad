"""The compiler: what it refuses, what it keeps, and that it does things once."""

import json
import threading
import time

import numpy as np
import pytest

from trellis.constrained.compiling import child as module
from trellis.constrained.compiling.compiler import Compiler, check_constraint
from trellis.constrained.errors import (
    ConstraintBudget,
    ConstraintError,
    InvalidConstraint,
)
from trellis.constrained.grammar.place import ACTION, AHEAD, Place
from trellis.constrained.limits import Limits
from trellis.constrained.spec import Choices, Constraint, JsonSchema, Regex
from trellis.constrained.tokens.vocabulary import Vocabulary

VOCABULARY = Vocabulary([b"a", b"b", None], frozenset({2}))


def make(limits: Limits | None = None) -> Compiler:
    return Compiler(VOCABULARY, lambda text: [], limits)


@pytest.mark.parametrize(
    ("constraint", "error"),
    [
        (Regex("("), InvalidConstraint),
        (Regex("a^b"), InvalidConstraint),
        (Regex(r"[^\s\S]"), InvalidConstraint),
        (Choices(()), InvalidConstraint),
        (Choices(("a", "\ud800")), InvalidConstraint),
        (Choices(("a",) * 100_001), InvalidConstraint),
        (JsonSchema("{"), InvalidConstraint),
    ],
)
def test_what_cannot_be_enforced(constraint: Constraint, error: type[ConstraintError]) -> None:
    with pytest.raises(error):
        check_constraint(constraint)
    compiler = make()
    for _ in range(2):
        with pytest.raises(error):
            compiler.compile(constraint)
    assert compiler.nbytes == 0 and compiler.cached(constraint) is None


def test_every_state_lives_and_tables_are_as_promised() -> None:
    schema = {"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 1}
    grammar = make().compile(JsonSchema(json.dumps(schema)))
    assert grammar.edges.dtype == np.int32 and grammar.edges.flags.c_contiguous
    assert grammar.classes.dtype == np.uint8 and grammar.classes.shape == (256,)
    assert grammar.edges.shape == (grammar.states, AHEAD + 1 + int(grammar.classes.max()))
    assert not grammar.edges[0].any()
    assert grammar.actions.dtype == np.int64 and grammar.actions.shape[1] == ACTION
    assert grammar.edges.max() < grammar.states and grammar.edges.min() >= -1 - len(grammar.actions)
    assert grammar.nbytes >= grammar.edges.nbytes
    with pytest.raises(ValueError, match="read-only"):
        grammar.edges[1, 1] = 0


def test_has_forced_agrees_with_the_rows() -> None:
    grammar = make().compile(Regex("(ab|c)x?[de]{2}"))
    for state in range(grammar.states):
        place = Place(state)
        bytes_on = [b for b in range(256) if grammar.step(place, b)]
        assert grammar.forces_at(place) == (len(bytes_on) == 1 and not grammar.accepting(place))
        if grammar.forces_at(place):
            assert grammar.forced_bytes(place)[0] == bytes_on[0]


def test_equal_grammars_have_equal_keys() -> None:
    a, b = make().compile(Regex("[ab]")), make().compile(Regex("[a-b]"))
    assert a.key == b.key
    assert a.key != make().compile(Regex("[abc]")).key


def test_keeps_within_bytes_least_recently_used_first() -> None:
    size = make().compile(Regex("a{90}")).nbytes
    compiler = make(Limits(cache_bytes=3 * size))
    first = compiler.compile(Regex("a{90}"))
    compiler.compile(Regex("b{90}"))
    assert compiler.compile(Regex("a{90}")) is first
    for letter in "cd":
        compiler.compile(Regex(letter + "{90}"))
    assert compiler.cached(Regex("a{90}")) is first
    assert compiler.cached(Regex("b{90}")) is None
    assert compiler.nbytes <= 3 * size


def test_many_threads_compile_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Constraint] = []
    compile_once = module.compile_constraint

    def slowly(constraint: Constraint, *rest: object) -> object:
        calls.append(constraint)
        time.sleep(0.05)
        return compile_once(constraint, *rest)

    monkeypatch.setattr(module, "compile_constraint", slowly)
    compiler, found, errors = make(), [], []

    def ask(constraint: Constraint) -> None:
        try:
            found.append(compiler.compile(constraint))
        except ConstraintError as error:
            errors.append(error)

    wanted = [Regex("ab"), Regex("("), Regex("ba")]
    threads = [threading.Thread(target=ask, args=(wanted[i % 3],)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 3 and len(errors) == 4
    assert len(found) == 8 and len({id(g) for g in found}) == 2


def test_budget_errors_belong_to_their_caller() -> None:
    compiler = make(Limits(states=300))
    with pytest.raises(ConstraintBudget):
        compiler.compile(Regex("(ab|cde){1000}"))
    assert compiler.compile(Regex("ab")).states == 4


@pytest.mark.parametrize(
    ("schema", "seconds"),
    [
        ({"enum": [f"value number {i * 7919 % 100_003}" for i in range(10_000)]}, 0.1),
        (
            {
                "type": "object",
                "properties": {n: {"type": "string", "maxLength": 200} for n in "ab"},
            },
            0.05,
        ),
        (
            {
                "type": "array",
                "maxItems": 50,
                "items": {"type": "object", "properties": {"a": {"type": "integer"}}},
            },
            0.1,
        ),
        (
            {
                "type": "object",
                "properties": {f"f{i}": {"type": ["string", "null"]} for i in range(20)},
            },
            0.05,
        ),
    ],
)
def test_common_schemas_compile_quickly(schema: dict, seconds: float) -> None:
    text = JsonSchema(json.dumps(schema))
    check_constraint(text)
    before = time.process_time()
    check_constraint(text)
    # Ten times the goal: this notices a wrong algorithm, not a busy machine.
    assert time.process_time() - before < 10 * seconds
