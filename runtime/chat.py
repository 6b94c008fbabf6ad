"""ChatTemplate: messages to the text that the model was trained to see, by the model folder's own Jinja template.

    template = ChatTemplate.from_folder(folder, tokenizer)
    text = template.render([{"role": "user", "content": "Hi"}], add_generation_prompt=True)
    ids = tokenizer.encode(text, special=True)

A template is code from a folder: it runs in Jinja's immutable sandbox, on plain data only, with
bounds on time and memory (sandbox.py). Text in messages and tools is shielded by
the tokenizer, so no control token can be smuggled in by a user's words. A model without a template gets a plain one.
Rendering takes well under a millisecond a message. It refuses to know roles, tools and models: the template does.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jinja2

from .errors import ModelError, RequestError
from .models.config import read_json
from .sandbox import compile_template, render_template

PLAIN_TEMPLATE = """\
{{ bos_token }}{% for message in messages %}
{{ message.role | capitalize }}: {{ message.content }}{{ eos_token if message.role == 'assistant' }}
{% endfor %}
{% if add_generation_prompt %}Assistant:{% endif %}"""


class Shields(Protocol):
    """Marks text so that no control token is found in it; the Tokenizer is one."""

    def shield_user(self, text: str) -> str: ...
    def shield_model(self, text: str) -> str: ...


class ChatTemplate:
    """One model's template, compiled. Safe to share between threads.

    source: Jinja text, or one per name, of which "default" and, where tools are given, "tool_use" are taken.
    """

    def __init__(
        self,
        source: str | Mapping[str, str],
        bos_token: str = "",
        eos_token: str = "",
        shields: Shields | None = None,
    ) -> None:
        """Raises ModelError for a template that is no Jinja."""
        sources = {"default": source} if isinstance(source, str) else dict(source)
        if "default" not in sources:
            raise ModelError(
                f"no chat template named 'default' among {', '.join(sorted(sources)) or 'none'}"
            )
        self._default = _compile(sources["default"])
        self._tool_use = _compile(sources.get("tool_use", sources["default"]))
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        self._shields = shields

    @classmethod
    def from_folder(cls, folder: str | Path, shields: Shields | None = None) -> "ChatTemplate":
        """The folder's template (chat_template.jinja, or in tokenizer_config.json); a plain one where it has none."""
        folder = Path(folder)
        path = folder / "tokenizer_config.json"
        config = read_json(path) if path.is_file() else {}
        bos, eos = (_content(config.get(name)) for name in ("bos_token", "eos_token"))
        return cls(_source(folder, config), bos, eos, shields)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The text of the messages. `variables` are the template's own, such as enable_thinking.

        Raises RequestError where the template refuses the messages, fails on them, or takes too long.
        """
        template = self._tool_use if tools else self._default
        values = {
            **_plain(variables or {}, _same),
            **self._tokens,
            "messages": [self._shielded(message) for message in messages],
            "tools": _plain(tools, self._shield("user")) if tools else None,
            "add_generation_prompt": add_generation_prompt,
        }
        try:
            return render_template(template, values)
        except jinja2.TemplateError as error:
            raise RequestError(
                f"the model's chat template refuses these messages: {error}"
            ) from error
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise RequestError(
                f"the model's chat template fails on these messages: {what}"
            ) from error
        except (RecursionError, MemoryError) as error:
            raise RequestError(
                "the model's chat template needs too much memory for these messages"
            ) from error

    def _shielded(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return _plain(message, self._shield(message.get("role")))

    def _shield(self, role: object) -> Callable[[str], str]:
        if self._shields is None:
            return _same
        return self._shields.shield_model if role == "assistant" else self._shields.shield_user


def _compile(source: str) -> jinja2.Template:
    try:
        return compile_template(source)
    except jinja2.TemplateSyntaxError as error:
        raise ModelError(f"the chat template is no Jinja: {error} (line {error.lineno})") from error


def _plain(value: Any, shield: Callable[[str], str]) -> Any:
    """A copy made of JSON's types alone: the sandbox never sees an object with methods of its own."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return shield(str(value))
    if isinstance(value, Mapping):
        return {_plain(k, shield): _plain(v, shield) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, shield) for item in value]
    raise RequestError(f"messages and tools are made of JSON values; got {type(value).__name__}")


def _same(text: str) -> str:
    return text


def _source(folder: Path, config: Mapping[str, Any]) -> str | dict[str, str]:
    path = folder / "chat_template.jinja"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from error
    given = config.get("chat_template")
    if isinstance(given, list):
        return {entry["name"]: entry["template"] for entry in given}
    return given if isinstance(given, str) else PLAIN_TEMPLATE


def _content(token: object) -> str:
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) else ""
