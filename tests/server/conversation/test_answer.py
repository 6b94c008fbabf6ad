"""Answer: its tokens, as it tells them."""

from trellis.lang.backends.fake import Fake
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.server.conversation.answer import Voice
from trellis.runtime.server.conversation.answering import asked
from trellis.runtime.server.conversation.events import Event, Generated
from trellis.runtime.server.conversation.speech import Speech
from trellis.runtime.server.conversation.turn import Turn
from trellis.runtime.server.source import Source

MESSAGES = ({"role": "user", "content": "Hi"},)


async def told(hidden: dict[int, str], tells: bool) -> list[Event]:
    """The events of the answer "one two", where some tokens are marks that no text shows."""
    with Fake("one two", template=lambda messages, invite: "prompt") as fake:
        speech = Speech(fake)
        vars(speech)["hidden"] = hidden
        turn = Turn(messages=MESSAGES, params=SamplingParams(), tells_tokens=tells)
        events: list[Event] = []
        question = await asked(Voice(Source(fake), speech), turn, "id-1")
        await question.answer(lambda _, event: events.append(event))
        return events


async def test_marks_that_no_text_shows_are_spelled_among_the_tokens() -> None:
    plain = [one for one in await told({}, True) if isinstance(one, Generated)]
    assert [token.text for one in plain for token in one.tokens] == ["one", " two"]
    mark = plain[0].tokens[0].id
    spelled = [one for one in await told({mark: "<call>"}, True) if isinstance(one, Generated)]
    assert [token.text for one in spelled for token in one.tokens] == ["<call>", " two"]


async def test_tokens_come_before_what_they_come_to_and_only_if_asked_for() -> None:
    names = [type(event).__name__ for event in await told({}, True)]
    assert names == ["Generated", "Said", "Generated", "Said", "Ended"]
    assert [type(event).__name__ for event in await told({}, False)] == ["Said", "Said", "Ended"]
