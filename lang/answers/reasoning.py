"""Reasoning: free thinking before an answer, and the marks around it.

    gen("answer", Verdict, think=True)                        # the model's own marks, 1024 tokens at most
    gen("answer", think=Thinking(max_tokens=200))
    run.meta("answer").thinking                               # kept apart from the value and the messages

A constraint holds only behind the end mark. Where the tokens for thinking are used up, or the model ends without the
mark, the mark is written for it. In Harmony thoughts are a message of their own, and so is the answer. The marks are
found by what the chat template does: those that understand thinking leave it out of earlier turns, invite it, or have
a channel for answers. It refuses to know what the answer must look like.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..run.events import ThinkingDelta
from ..tools.formats import harmony
from .asking import Ask, Asking

MARKS = (
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("<reasoning>", "</reasoning>"),
)
Render = Callable[[Sequence[Mapping[str, Any]], bool], str | None]


def find_marks(render: Render) -> tuple[str, str]:
    """The marks of the model behind a chat template; <think> where nothing tells."""
    if f"{harmony.FINAL}SAID" in _tried(render, _exchange("SAID"), False):
        return harmony.THINKING
    invitation = _tried(render, [{"role": "user", "content": "Hello."}], True).rstrip()
    for begin, end in MARKS:
        if invitation.endswith(begin):
            return begin, end
        text = _tried(render, _exchange(f"{begin}\nTHOUGHT\n{end}\n\nSAID"), False)
        if "SAID" in text and "THOUGHT" not in text:
            return begin, end
    return MARKS[0]


async def think(asking: Asking) -> None:
    """Lets the model think, and ends the thinking. The text stays in the transcript, aside from any content."""
    thinking = asking.node.thinking
    assert thinking is not None, "think() is for gens that think"
    transcript = asking.transcript
    begin, end = (thinking.begin, thinking.end)
    if begin is None or end is None:
        begin, end = find_marks(transcript.render)
    start = len(transcript.pieces)
    invited = bool(transcript.pieces) and transcript.pieces[-1].text.rstrip().endswith(begin)
    if not invited:
        transcript.write(begin if begin == harmony.THINKING[0] else f"{begin}\n", special=True)
    name = asking.cell.name
    scope, branch = asking.speaker.scope, asking.speaker.branch

    def tell(text: str, index: int) -> None:
        scope.emit(ThinkingDelta(text, name, branch))

    free = {"stop": (), "stop_regex": None, "min_tokens": 0}
    plain = asking.params.merged(max_tokens=thinking.max_tokens, **free)
    generation, (answer,) = await asking.ask(
        Ask(f"{name}.thinking", asking.stopping(end, plain), None, tell)
    )
    transcript.absorb(answer.text, generation.take())
    transcript.write(_closing(answer.text, begin, end), special=True)
    transcript.aside.append((start, len(transcript.pieces)))
    asking.thoughts.append(answer.text.strip())


def _closing(thoughts: str, begin: str, end: str) -> str:
    """What stands between thoughts and answer."""
    if (begin, end) == harmony.THINKING:
        return f"{end}{harmony.START}{harmony.FINAL}"
    gap = "" if not thoughts or thoughts.endswith("\n") else "\n"
    return f"{gap}{end}\n\n"


def _exchange(said: str) -> list[dict[str, str]]:
    """A conversation in which an assistant said something a while ago."""
    roles = (("user", "Hello."), ("assistant", said), ("user", "And?"))
    return [{"role": role, "content": words} for role, words in roles]


def _tried(render: Render, messages: Sequence[Mapping[str, Any]], invite: bool) -> str:
    try:
        return render(messages, invite) or ""
    except Exception:  # a template may raise anything: then it tells nothing
        return ""
