"""What is shown of a run is what it was: text, answers, forks, errors; as a tree, as a page, as data."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import trellis as tr
from trellis.lang.view.page import page_of
from trellis.lang.view.terminal import tree_of
from trellis.lang.view.trace import Trace, UnreadableTrace, read_trace, trace_of, write_trace
from trellis.runtime.cli.app import app

HOSTILE = '<script>alert("x")</script>'


@tr.function
def debate(s: tr.State, topic: str) -> list[str]:
    s += tr.user("Topic: " + topic)
    s += tr.assistant(tr.gen("opening", max_tokens=20))
    for index, branch in enumerate(branches := s.fork(2)):
        branch += tr.user(f"Side {index}")
        branch += tr.assistant(tr.select("pick", ["yes", "no"]))
    return [branch["pick"] for branch in branches]


def traced(topic: str = HOSTILE) -> Trace:
    with tr.use(tr.Fake({"opening": "Let us begin.", "pick": "no"})):
        return trace_of(debate.run(topic=topic), "debate")


def shown(trace: Trace) -> str:
    written = io.StringIO()
    Console(width=100, file=written).print(tree_of(trace))
    return written.getvalue()


def test_a_trace_has_every_text_once() -> None:
    trace = traced()
    assert [branch.path for branch in trace.branches] == [(), (0,), (1,)]
    own, first, second = trace.branches
    assert "".join(s.text for s in own.segments).count(HOSTILE) == 1
    opening = next(s for s in own.segments if s.name == "opening")
    assert (opening.kind, opening.text, opening.role) == ("gen", "Let us begin.", "assistant")
    assert [s.text for s in first.segments if s.kind == "select"] == ["no"]
    assert "Side 1" in "".join(s.text for s in second.segments)
    assert "Side 0" not in "".join(s.text for s in second.segments)
    assert set(next(s for s in first.segments if s.kind == "select").scores) == {"yes", "no"}


def test_written_and_read_it_is_the_same() -> None:
    trace = traced()
    assert read_trace(write_trace(trace)) == trace


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1}'])
def test_what_is_no_trace_is_refused(text: str) -> None:
    with pytest.raises(UnreadableTrace):
        read_trace(text)


def test_another_version_is_refused() -> None:
    data = json.loads(write_trace(traced())) | {"version": 9}
    with pytest.raises(UnreadableTrace, match="version 9"):
        read_trace(json.dumps(data))


def test_the_page_takes_text_as_text_and_nothing_from_elsewhere() -> None:
    page = page_of(traced())
    assert HOSTILE not in page and "&lt;script&gt;" in page
    assert not re.search(r"<script|https?://|src=|@import|url\(", page)
    assert page.count('class="branch"') == 3


def test_the_tree_shows_branches_and_counts() -> None:
    text = shown(traced("cats"))
    assert "branch 0" in text and "branch 1" in text
    assert "Topic: cats" in text and "opening: " in text and "pick: yes" in text


def test_a_failed_run_is_shown_as_far_as_it_came() -> None:
    with tr.use(tr.Fake({"opening": ValueError("no more")})):
        trace = trace_of(debate.run(topic="x"), "debate")
    assert "no more" in trace.error
    assert "no more" in shown(trace) and "no more" in page_of(trace)


def test_a_saved_run_is_viewed(tmp_path: Path, capsys: Any) -> None:
    with tr.use(tr.Fake({"opening": "Hello.", "pick": "yes"})):
        run = debate.run(topic="dogs")
    run.save(tmp_path / "run.json")
    run.show(tmp_path / "run.html")
    run.show()
    assert "Topic: dogs" in capsys.readouterr().out
    result = CliRunner().invoke(app, ["view", str(tmp_path / "run.json")])
    assert result.exit_code == 0 and "Topic: dogs" in result.stdout
    again = tmp_path / "again.html"
    CliRunner().invoke(app, ["view", str(tmp_path / "run.json"), "--html", str(again)])
    assert again.read_text() == (tmp_path / "run.html").read_text()
    for wrong in (tmp_path / "no.json", tmp_path / "run.html"):
        result = CliRunner().invoke(app, ["view", str(wrong)])
        assert result.exit_code == 2 and "Traceback" not in result.stderr


def test_what_a_model_wrote_on_its_way_is_shown_as_generated() -> None:
    @tr.tool
    def now() -> int:
        """The time."""
        return 6

    @tr.function
    def ask(s: tr.State) -> Any:
        s += tr.user("Late?")
        s += tr.assistant(tr.gen("x", bool, tools=[now], tool_choice="required", think=True))
        return s["x"]

    script = {"x.thinking": "Let me look.", "x.call": {"name": "now", "arguments": {}}, "x": True}
    with tr.Fake(script) as backend:
        trace = trace_of(ask.run(backend=backend))
    wrote = [s.text for s in trace.branches[0].segments if s.kind == "gen"]
    assert wrote == ["Let me look.", '{"name": "now", "arguments": {}}', "Let me look.", "true"]
    for seen in (shown(trace), page_of(trace)):
        assert seen.count("Let me look.") == 2 and "1 tool call" in seen


def test_an_answer_of_nothing_and_a_join_leave_the_text_around_them_as_it_is() -> None:
    @tr.function
    def ask(s: tr.State) -> None:
        s += "before" + tr.gen("empty") + "after"
        for branch in (branches := s.fork(2)):
            branch += tr.gen("x")
        branches.join()

    with tr.Fake({"empty": "", "x": "yes"}) as backend:
        own = trace_of(ask.run(backend=backend)).branches[0]
    kinds = [(segment.kind, segment.text, segment.name) for segment in own.segments]
    assert kinds == [("text", "before", ""), ("gen", "", "empty"), ("text", "after", "")]


def test_an_error_is_told_once() -> None:
    @tr.function
    def ask(s: tr.State) -> None:
        s += "Q" + tr.gen("x")

    with tr.Fake(RuntimeError("out of luck")) as backend:
        trace = trace_of(ask.run(backend=backend))
    assert shown(trace).count("out of luck") == page_of(trace).count("out of luck") == 1


def test_after_a_rewind_and_a_join_text_is_text_and_answers_are_answers() -> None:
    @tr.function
    def wander(s: tr.State) -> None:
        mark = s.mark()
        s += tr.gen("forgotten")
        s.rewind(mark)
        s += "Sides:"
        for index, branch in enumerate(branches := s.fork(2)):
            branch += f" {index} " + tr.gen("side") + tr.gen("score", int)
        s += "never read" + tr.gen("void")
        branches.join("best", by="score")
        s += " End: " + tr.gen("end")

    backend = tr.Fake({"score": [1, 2], "side": "said", "end": "done", "void": "", "forgotten": ""})
    run = wander.run(backend=backend)
    assert run.error is None
    (own, *_) = trace_of(run).branches
    assert [(segment.kind, segment.name, segment.text) for segment in own.segments] == [
        ("text", "", "Sides:"),
        ("text", "", " 1 "),
        ("gen", "side", "said"),
        ("gen", "score", "2"),
        ("text", "", " End: "),
        ("gen", "end", "done"),
    ]
