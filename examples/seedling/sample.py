"""Sample: one training or test example, and its exact text.

    sample = chat_sample("topic", [user("..."), assistant("sports")], choices=TOPICS)
    sample.pieces()      # [("<|im_start|>user\\n...assistant\\n", False), ("sports<|im_end|>", True)]

The chat text here is the same, byte for byte, as chat_template.jinja makes (tested): it is repeated in Python because
rendering a million samples through a template engine would take longer than training on them.
"""

import json
from dataclasses import dataclass
from typing import Any

START, END, STOP, PAD = "<|im_start|>", "<|im_end|>", "<|end|>", "<|pad|>"
CALL, CALL_END = "<tool_call>", "</tool_call>"
RESPONSE, RESPONSE_END = "<tool_response>", "</tool_response>"
SPECIALS = (PAD, STOP, START, END, CALL, CALL_END, RESPONSE, RESPONSE_END)
TOOLS_OPEN = "You can use these tools:\n<tools>\n"
TOOLS_CLOSE = "\n</tools>"

Message = dict[str, Any]
Piece = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Sample:
    """One example. `answer` is what is scored; `messages` end with the assistant turn that holds it.

    A plain sample has no messages: `text` is continued by `answer`. `choices` and `schema` are what a constrained
    run is given; `holds` is what a freely worded answer must contain. None of these adds to the text.
    """

    task: str
    answer: str
    messages: tuple[Message, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    text: str = ""
    choices: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    holds: tuple[str, ...] = ()

    def pieces(self) -> list[Piece]:
        """The text in order, each part with whether the model is to learn it as its own."""
        if not self.messages:
            return [(self.text, False), (self.answer + STOP, True)]
        pieces: list[Piece] = []
        prompt = ""
        for index, message in enumerate(turns(self.messages, self.tools)):
            head = f"{START}{message['role']}\n"
            if message["role"] != "assistant":
                prompt += f"{head}{message['content']}{END}\n"
                continue
            opened = "\n" if index and not prompt else ""
            pieces.append((opened + prompt + head, False))
            pieces.append((message["content"] + END, True))
            prompt = "\n"
        return pieces

    def prompt(self) -> str:
        """Everything before the answer."""
        return "".join(text for text, _ in self.pieces()[:-1])


def dumps(value: Any) -> str:
    """JSON as the model writes it: `, ` and `: `, keys in given order."""
    return json.dumps(value, ensure_ascii=False)


def turns(messages: tuple[Message, ...], tools: tuple[dict[str, Any], ...]) -> list[Message]:
    """The messages with tools, calls and results written out as text."""
    out = [{"role": m["role"], "content": _content(m)} for m in messages]
    if tools:
        shown = TOOLS_OPEN + "\n".join(dumps(t) for t in tools) + TOOLS_CLOSE
        if out[0]["role"] == "system":
            out[0] = {"role": "system", "content": f"{out[0]['content']}\n\n{shown}"}
        else:
            out.insert(0, {"role": "system", "content": shown})
    return out


def _content(message: Message) -> str:
    if message["role"] == "tool":
        return f"{RESPONSE}\n{message['content']}\n{RESPONSE_END}"
    parts = [message["content"]] if message["content"] else []
    return "\n".join(parts + [call_text(call) for call in message.get("tool_calls", ())])


def call_text(call: dict[str, Any]) -> str:
    """One tool call as the model writes it."""
    return f"{CALL}\n{dumps(call)}\n{CALL_END}"


def system(content: str) -> Message:
    return {"role": "system", "content": content}


def user(content: str) -> Message:
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}


def calls(*made: dict[str, Any]) -> Message:
    """An assistant turn that is nothing but tool calls."""
    return {"role": "assistant", "content": "", "tool_calls": list(made)}


def result(content: str) -> Message:
    """What a tool returned."""
    return {"role": "tool", "content": content}


def chat(task: str, *messages: Message, **more: Any) -> Sample:
    """A chat sample; its answer is the last turn."""
    answer = _content(messages[-1])
    return Sample(task, answer, tuple(messages), **more)


def plain(task: str, text: str, answer: str, **more: Any) -> Sample:
    """Text to be continued, with no chat around it."""
    return Sample(task, answer, text=text, **more)
