"""Streams shown one variable at a time, whoever speaks meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from trellis.lang.run.events import Event, Retried, TextDelta, VariableSet
from trellis.runtime.cli.live import Live


def shown(*events: Event) -> str:
    parts: list[str] = []
    live = Live(parts.append)
    for event in events:
        live.show(event)
    live.finish()
    return "".join(parts)


def test_one_after_the_other() -> None:
    assert shown(
        TextDelta("he", "a"), TextDelta("y", "a"), VariableSet("a", "hey"), TextDelta("1", "b"), VariableSet("b", 1)
    ) == "a: hey\nb: 1\n"  # fmt: skip


def test_branches_wait_for_their_turn() -> None:
    assert shown(
        TextDelta("x", "step", branch=(0,)), TextDelta("u", "step", branch=(1,)), TextDelta("y", "step", branch=(0,)),
        VariableSet("step", "u", (1,)), VariableSet("step", "xy", (0,)), TextDelta("end", "last"),
    ) == "step[0]: xy\nstep[1]: u\nlast: end\n"  # fmt: skip


def test_retries_are_said_and_other_answers_left_out() -> None:
    assert shown(
        TextDelta("7", "p"), TextDelta("9", "p", index=1), Retried("p", 1, "odd"), TextDelta("8", "p"),
        VariableSet("p", 8),
    ) == "p: 7\n  (again: odd)\n  8\n"  # fmt: skip


@given(st.lists(st.integers(0, 3), max_size=40), st.permutations(range(4)))
def test_every_branch_is_shown_whole(spoken: list[int], ends: list[int]) -> None:
    texts = [TextDelta(f"<{n}>", "v", branch=(branch,)) for n, branch in enumerate(spoken)]
    lines = shown(*texts, *(VariableSet("v", None, (branch,)) for branch in ends)).splitlines()
    for branch in set(spoken):
        whole = "".join(t.text for t in texts if t.branch == (branch,))
        assert f"v[{branch}]: {whole}" in lines
    assert len(lines) == len(set(spoken))
