"""Chat templates: what they render, beside transformers; what they must not do, and to whom the error belongs."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from trellis.runtime.chat import ChatTemplate
from trellis.runtime.errors import ModelError, RequestError
from trellis.runtime.sandbox import MAX_SECONDS

CHATML = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- '<tools>' }}
    {%- for tool in tools %}
        {{- '\\n' }}{{ tool | tojson }}
    {%- endfor %}
    {{- '\\n</tools><|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(turns=0) %}
{%- for message in messages %}
    {%- if message.role == 'skip' %}{% continue %}{% endif %}
    {%- if message.role == 'tool' and not message.name is defined %}
        {{- raise_exception('a tool message needs a name') }}
    {%- endif %}
    {%- set ns.turns = ns.turns + 1 %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.role == 'assistant' %}
        {% generation %}{{ message.content | trim }}{{ eos_token }}{% endgeneration %}
    {%- else %}
        {{- message.content.split('</think>')[-1].lstrip('\\n') + '<|im_end|>' }}
    {%- endif %}
    {%- for call in message.tool_calls or [] %}
<tool_call>{{ call.arguments | tojson(indent=2) }}</tool_call>
    {%- endfor %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}{{ '<think>' if thinking is defined and thinking }}
{%- endif %}
{{- ns.turns ~ ' ' ~ strftime_now('%Y') | length }}"""
USER = {"role": "user", "content": "Hi <b>& 'you'</b> </think>\n\nthere"}
CALL = {"name": "add", "arguments": {"b": 1, "a": ["ü", None, True, 1.5]}}
CONVERSATIONS: list[list[dict[str, Any]]] = [
    [USER],
    [{"role": "system", "content": "Be brief."}, USER, {"role": "skip", "content": ""}],
    [USER, {"role": "assistant", "content": "  Yes.\n"}, USER],
    [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]}],
]
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize("messages", CONVERSATIONS)
@pytest.mark.parametrize("tools", [None, TOOLS])
@pytest.mark.parametrize("prompt", [False, True])
def test_renders_as_transformers(
    messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, prompt: bool
) -> None:
    library = pytest.importorskip("transformers.utils.chat_template_utils")
    theirs, _ = library.render_jinja_template(
        [messages],
        tools=tools,
        chat_template=CHATML,
        add_generation_prompt=prompt,
        eos_token="<|im_end|>",
        bos_token="",
        thinking=True,
    )
    template = ChatTemplate(CHATML, eos_token="<|im_end|>")
    assert template.render(messages, tools, prompt, {"thinking": True}) == theirs[0]


def test_plain_template(tmp_path: Path) -> None:
    """A model without a template; a turn's text stays when the next one comes."""
    tokens = {"bos_token": "<s>", "eos_token": {"content": "</s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokens))
    template = ChatTemplate.from_folder(tmp_path)
    turns = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]
    asked = template.render(turns[:1], add_generation_prompt=True)
    assert asked == "<s>User: 2+2?\nAssistant:"
    whole = template.render(turns)
    assert whole == "<s>User: 2+2?\nAssistant: 4</s>\n"
    assert whole.startswith(asked)


def test_where_a_template_is_found(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({"chat_template": "from config"}))
    assert ChatTemplate.from_folder(tmp_path).render([]) == "from config"
    named = [
        {"name": "default", "template": "default"},
        {"name": "tool_use", "template": "{{ tools | length }}"},
    ]
    path.write_text(json.dumps({"chat_template": named}))
    assert ChatTemplate.from_folder(tmp_path).render([]) == "default"
    assert ChatTemplate.from_folder(tmp_path).render([], tools=TOOLS) == "1"
    (tmp_path / "chat_template.jinja").write_text("from file")
    assert ChatTemplate.from_folder(tmp_path).render([]) == "from file"


class Brackets:
    """Shields that can be seen."""

    def shield_user(self, text: str) -> str:
        return f"({text})"

    def shield_model(self, text: str) -> str:
        return f"[{text}]"


def test_all_text_is_shielded_by_who_said_it() -> None:
    source = "{% for m in messages %}{{ m | tojson }}{% endfor %}{{ tools | tojson }}{{ bos_token }}{{ x }}"
    template = ChatTemplate(source, bos_token="<s>", shields=Brackets())
    text = template.render(
        [{"content": [{"text": "a"}]}, {"role": "assistant", "content": "b"}],
        tools=[{"name": "c", "n": 1}],
        variables={"x": "d"},
    )
    assert text == (
        '{"(content)": [{"(text)": "(a)"}]}{"[role]": "[assistant]", "[content]": "[b]"}'
        '[{"(name)": "(c)", "(n)": 1}]<s>d'
    )


def test_refusal_of_the_template_is_the_callers() -> None:
    with pytest.raises(RequestError, match="refuses these messages: a tool message needs a name"):
        ChatTemplate(CHATML).render([{"role": "tool", "content": "3"}])
    with pytest.raises(RequestError, match="fails on these messages: TypeError"):
        ChatTemplate("{{ messages[0].content + 1 }}").render([{"content": "a"}])
    with pytest.raises(RequestError, match="made of JSON values; got set"):
        ChatTemplate(CHATML).render([{"role": "user", "content": {"a"}}])


def test_broken_template_is_the_models() -> None:
    with pytest.raises(ModelError, match=r"no Jinja: .* \(line 2\)"):
        ChatTemplate("\n{% for %}")
    with pytest.raises(ModelError, match="no chat template named 'default' among rag"):
        ChatTemplate({"rag": ""})


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ raise_exception.__globals__.x }}",
        "{{ messages[0].update(a=1) }}",
        "{{ namespace.__init__ }}{{ self._TemplateReference__context.environment.call(1) }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_cve_2026_5760_no_way_out_of_the_sandbox(source: str) -> None:
    with pytest.raises(RequestError):
        ChatTemplate(source).render([{"role": "user"}])


LAUGHS = "{% set a = ['ha'] %}" + "{% set a = [a, a, a, a, a, a, a, a] %}" * 20


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**12 }}",
        "{{ 2 ** 10000000 }}",
        "{{ 2 ** 900 ** 900 }}",
        "{{ 'a'.ljust(10**10) }}",
        "{{ 'a' | center(10000000000) }}",
        "{{ '%10000000000d' % 1 }}",
        "{{ '%*d' % (10000000000, 1) }}",
        "{{ '%10000000000d' | format(1) }}",
        "{{ '{:10000000000}'.format(1) }}",
        "{{ ('a' * 100000).replace('a', 'a' * 100000) }}",
        "{{ ['a' * 100000] * 100000 }}",
        "{{ range(10**9) | list }}",
        LAUGHS + "{{ a }}",
        LAUGHS + "{{ a ~ '' }}",
        LAUGHS + "{{ a == a[:] }}",
        LAUGHS + "{{ a is eq(a[:]) }}",
        LAUGHS + "{{ a | tojson }}",
        LAUGHS + "{{ a | string }}",
        LAUGHS + "{{ {'a': a}.values() }}",
        LAUGHS + "{{ '%s' % (a,) }}",
        LAUGHS + "{{ a.index(a[:]) }}",
        LAUGHS + "{{ ''.join(a) }}",
        LAUGHS + "{{ namespace(a=a) }}",
        "{% set n = namespace(a=[1]) %}{% for i in range(99) %}{% set n.a = n.a + n.a %}{% endfor %}",
        "{{ {'a': 1} | tojson(indent=10000000) }}",
        "{{ strftime_now('%1000000Y') }}",
        "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}",
        "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    ],
)
def test_memory_bombs_end_at_once(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trellis.runtime.sandbox.MAX_SECONDS", MAX_SECONDS / 5)
    started = time.thread_time()
    with pytest.raises(
        RequestError, match="too large|too wide|longer than|took more|too much memory|too big"
    ):
        ChatTemplate(source).render([])
    assert time.thread_time() - started < 5


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(90) }}",
        "{{ lipsum(n=100000) }}",
        "{{ ('a ' * 300000) | wordwrap(5) }}",
    ],
)
def test_endless_templates_end(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trellis.runtime.sandbox.MAX_SECONDS", MAX_SECONDS / 10)
    before = sys.gettrace()
    started = time.perf_counter()
    with pytest.raises(RequestError, match="it took more than"):
        ChatTemplate(source).render([])
    assert time.perf_counter() - started < 5
    assert sys.gettrace() is before


def test_ordinary_values_are_no_bombs() -> None:
    source = "{{ n | string }} {{ n | tojson }} {{ n + 1 }} {{ n // 2 ** 3 }} {{ [n] * 2 }} {{ '%d' % n }} {{ n == x }}"
    text = ChatTemplate(source).render([], variables={"n": 10**12})
    assert (
        text == f"{10**12} {10**12} {10**12 + 1} {10**12 // 8} [{10**12}, {10**12}] {10**12} False"
    )


def test_long_conversations_are_no_bombs() -> None:
    turn = [{"role": "user", "content": "word " * 20_000}, {"role": "assistant", "content": "ok"}]
    text = ChatTemplate(CHATML, eos_token="<|im_end|>").render(turn * 100)
    assert len(text) > 100 * 100_000
