"""DeepSeek: name and arguments apart, between marks of their own; V3 and R1 fence the arguments, V3.1 does not.

    <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Lisbon"}<｜tool▁call▁end｜>
    <｜tool▁calls▁end｜>          (without the new line)

Source: the chat templates of deepseek-ai/DeepSeek-V3, DeepSeek-R1 and DeepSeek-V3.1.
"""

from collections.abc import Sequence

from .form import Form, ToolSpec, show_as_lines

OPEN, CLOSE = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
BEGIN, END, SEPARATOR = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"


def show(specs: Sequence[ToolSpec]) -> str:
    """The tools as a part of the system turn."""
    return (
        f"## Tools\n{show_as_lines(specs)}\n"
        f"To call tools write {OPEN}{BEGIN}NAME{SEPARATOR}ARGUMENTS{END}{CLOSE} "
        "with the arguments as a JSON object."
    )


FORM = Form(
    name="deepseek",
    trigger=OPEN,
    begin=BEGIN,
    end=END,
    show=show,
    between="",
    open=OPEN,
    close=CLOSE,
    name_end=SEPARATOR,
)

FENCED = Form(
    name="deepseek-fenced",
    trigger=OPEN,
    begin=f"{BEGIN}function{SEPARATOR}",
    end=f"\n```{END}",
    show=show,
    between="\n",
    open=OPEN,
    close=CLOSE,
    name_end="\n```json\n",
)
