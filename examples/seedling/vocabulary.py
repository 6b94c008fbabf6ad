"""The tokenizer: a byte-level BPE of 4,096 tokens, trained on the corpus itself, and its chat template.

    python vocabulary.py --out runtime/bundled/seedling

Choices that matter to a small model that copies:
- words never carry a leading space (except a few function words), so a name is the same tokens in a sentence, behind a
  quote and at the start of a line;
- each digit is a token, so numbers copy and align;
- JSON glue (`", "`, `": `, `{"`) is one token, but the quote that opens a value is its own, so the place where a
  constraint leaves a choice is always a token boundary.
"""

import argparse
import json
import random
from itertools import islice
from pathlib import Path

from corpus import samples
from sample import CALL, CALL_END, END, PAD, RESPONSE, RESPONSE_END, SPECIALS, START, STOP
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SIZE = 4096
_FUNCTION_WORDS = "the|a|an|and|or|of|to|in|on|at|is|are|was|for|with|by|as|from|this|that|it|be|has|have|you|your"
PATTERN = "|".join(
    (
        r"\p{N}",
        r'"[\]}]*(?:, \{?"?|: (?:\{")?)?',  # `"`, `", "`, `": `, `": {"`, `"}`, `"}, {"`, `"], "`
        r'[\]}]+(?:, \{?"?)?',
        r', "',
        r'\{"',
        rf" (?:{_FUNCTION_WORDS})(?![\p{{L}}\p{{N}}])",
        r"'(?:s|m|t|re|ll|ve|d)(?!\p{L})",
        r"\p{L}+",
        r"\n+",
        r" +",
        r"[^\s\p{L}\p{N}]",
        r"\s",
    )
)
TEMPLATE = """\
{%- macro tool_list() -%}
You can use these tools:
<tools>
{% for tool in tools %}{{ tool | tojson }}{{ '\\n' }}{% endfor %}</tools>
{%- endmacro -%}
{%- if tools and messages[0].role != 'system' -%}
{{ '<|im_start|>system\\n' + tool_list() + '<|im_end|>\\n' }}
{%- endif -%}
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'tool' -%}
{{ '<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{%- else -%}
{{ message.content or '' }}
{%- if loop.first and tools and message.role == 'system' -%}
{{ '\\n\\n' + tool_list() }}
{%- endif -%}
{%- for call in message.tool_calls or [] -%}
{%- set made = call.function if call.function is defined else call -%}
{{ '\\n' if message.content or not loop.first else '' }}
{{- '<tool_call>\\n{"name": ' + made.name | tojson + ', "arguments": ' }}
{{- made.arguments if made.arguments is string else made.arguments | tojson }}
{{- '}\\n</tool_call>' }}
{%- endfor -%}
{%- endif -%}
{{ '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant\\n' }}
{%- endif -%}
"""


def new_tokenizer() -> Tokenizer:
    """An untrained tokenizer with the pre-tokenizer and decoder above."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train_tokenizer(count: int, seed: int, size: int = SIZE) -> Tokenizer:
    """Train on `count` samples; special tokens take the first ids."""
    tokenizer = new_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(t, special=True) for t in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (_unmarked(s.pieces()) for s in islice(samples(seed), count))
    tokenizer.train_from_iterator(texts, trainer)
    # Marks of tools are text that a caller wants to see; the others only frame turns.
    marks = (CALL, CALL_END, RESPONSE, RESPONSE_END)
    data = json.loads(tokenizer.to_str())
    for token in data["added_tokens"]:
        token["special"] = token["content"] not in marks
    return Tokenizer.from_str(json.dumps(data))


def _unmarked(pieces: list[tuple[str, bool]]) -> str:
    text = "".join(text for text, _ in pieces)
    for mark in SPECIALS:
        text = text.replace(mark, "")
    return text


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": END,
        "pad_token": PAD,
        "additional_special_tokens": [START, STOP],
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1024,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "chat_template.jinja").write_text(TEMPLATE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train Seedling's tokenizer.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=30000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    random.seed(args.seed)
    tokenizer = train_tokenizer(args.samples, args.seed)
    save_tokenizer(tokenizer, args.out)
    text = next(samples(99)).pieces()[0][0]
    ratio = len(text) / len(tokenizer.encode(text).ids)
    print(f"{tokenizer.get_vocab_size()} tokens; {ratio:.2f} characters a token")


if __name__ == "__main__":
    main()
