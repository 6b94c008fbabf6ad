"""The prompt's own log-probabilities: what /generate says of the tokens that it was given.

    {"text": "The sky is", "return_logprob": true, "logprob_start_len": 1}
        -> meta_info.input_token_logprobs: [[-3.2, 1024, " sky"], [-0.4, 318, " is"]]

The first token of all has no log-probability: null. What is slow: a prompt is computed from that position on, whatever
of it is cached, as only then is known what the model expected there.
"""

from collections.abc import Sequence
from typing import Any

from fastapi.concurrency import run_in_threadpool

from ....lang.backends.base import Prompt
from ...prompt import PromptEncoder
from ..errors import BadRequest
from ..served import Served
from ..source import Job
from .body import GenerateBody


async def prompt_fields(
    served: Served | None, body: GenerateBody, jobs: Sequence[Job]
) -> list[dict[str, Any]]:
    """What the reply to each prompt has besides; nothing where it was not asked for. Raises BadRequest."""
    begin = body.logprobs_from
    if begin is None or begin < 0:  # -1: SGLang's word for none
        return [{} for _ in jobs]
    if not body.return_logprob:
        raise BadRequest("logprob_start_len needs return_logprob: true", "logprob_start_len")
    if body.top_logprobs_num:
        message = "top_logprobs_num is not supported of a prompt: leave logprob_start_len out"
        raise BadRequest(message, "top_logprobs_num")
    if served is None:
        raise BadRequest("this backend tells nothing of prompts", "logprob_start_len")
    rows = await run_in_threadpool(lambda: [_ids(served, job.prompt) for job in jobs])
    params = jobs[0].params
    found = await served.ask(
        "score_rows", rows=rows, begin=begin, namespace=params.namespace, seconds=params.timeout
    )
    told: list[dict[str, Any]] = []
    for row, scored in zip(rows, found, strict=True):
        logprobs = [None, *scored["logprobs"]] if begin == 0 else scored["logprobs"]
        texts = [_text(served, id) if body.return_text_in_logprobs else None for id in row[begin:]]
        each = zip(logprobs, row[begin:], texts, strict=True)
        told.append(
            {"input_token_logprobs": [[*one] for one in each], "cached_tokens": scored["cached"]}
        )
    return told


def _ids(served: Served, prompt: Prompt) -> list[int]:
    tokenizer = served.tokenizer
    # The engine checks the ids, of which the model may have more than the tokenizer names.
    if prompt.pieces[0].tokens:
        return list(prompt.pieces[0].tokens)
    return PromptEncoder(tokenizer, tokenizer.size, tokenizer.eos_ids).encode(prompt)[0]


def _text(served: Served, id: int) -> str:
    return served.tokenizer.decode((id,))
