"""Channel: where a model's template wants the answer, apart from thoughts and calls.

    open_answer(transcript)                # before text that the model does not write freely

A model that writes freely opens its channels itself. What the program writes for it, or a constraint leaves no room
for marks in, would stand in none: the mark of the answers' channel is written then, aside from the turn's content. Of
the families that are known, only Harmony has channels. It refuses to know what the answer is.
"""

from ..state.transcript import Transcript
from ..tools.formats import harmony
from .reasoning import find_marks


def open_answer(transcript: Transcript) -> None:
    """Begins the answer's channel, where the template has one and nothing is said in the turn yet."""
    if not transcript.turns or not transcript.pieces[-1].special:
        return
    if not transcript.pieces[-1].text.endswith(harmony.START):
        return
    if find_marks(transcript.render) == harmony.THINKING:
        transcript.write_aside(harmony.FINAL)
