"""Report: the accuracy table of the README, written between its two marks.

write_table(Path("README.md"), {"constrained": ..., "free": ...})     # scores per task, as evaluate_engine gives them
"""

from pathlib import Path

from evaluate import Score

BEGIN, END = "<!-- seedling accuracy: begin -->", "<!-- seedling accuracy: end -->"
NAMES = {
    "extract": "a record to a given schema",
    "extract_keys": "a record to given keys",
    "extract_many": "several records",
    "yes_no": "yes or no about a passage",
    "sentiment": "sentiment",
    "topic": "topic",
    "urgency": "urgency",
    "ticket": "support ticket: urgency and category",
    "rating": "rating",
    "tool_call": "choice of tool, with all arguments",
    "label_json": "labels as JSON",
    "json_list": "a JSON list from a passage",
    "judge": "better of two",
    "question": "question about a passage",
    "single_item": "one value from a text",
    "fact": "capitals and opposites",
    "tool_none": "knowing that no tool is needed",
    "chat": "small talk, remembering",
}


def table(columns: dict[str, dict[str, Score]]) -> str:
    """The rows in Markdown; a task without a constraint leaves that cell empty."""
    lines = ["| task | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for task, name in NAMES.items():
        found = [scores.get(task) for scores in columns.values()]
        if any(found):
            cells = [
                "" if score is None else f"{score.share:.1%}".replace("%", " %") for score in found
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_table(page: Path, columns: dict[str, dict[str, Score]]) -> None:
    """Replace what stands between the marks of the page, which must hold each once."""
    text = page.read_text()
    assert text.count(BEGIN) == text.count(END) == 1, f"{page} must hold {BEGIN} and {END} once"
    before, _, rest = text.partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{table(columns)}\n{END}{rest.partition(END)[2]}")
