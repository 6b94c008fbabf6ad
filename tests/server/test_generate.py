"""/generate: what goes in, what comes back."""

import json

import httpx
import pytest

from trellis.constrained.spec import Choices, Ebnf, JsonSchema, Regex, Tag, Tagged
from trellis.lang.backends.base import Delta, Finish, Token, Usage
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.server.native.answer import Answer


async def post(client: httpx.AsyncClient, **body: object) -> httpx.Response:
    return await client.post("/generate", json=body)


async def test_a_reply_has_text_ids_and_counts(client, backend) -> None:
    reply = (await post(client, text="ab", rid="mine")).json()
    assert reply == {
        "text": "AB",
        "output_ids": [65, 66],
        "meta_info": {
            "id": "mine",
            "finish_reason": {"type": "length", "length": 2},
            "prompt_tokens": 2,
            "completion_tokens": 2,
            "cached_tokens": 2,
            "forced_tokens": 1,
            "e2e_latency": 0.25,
        },
    }
    prompt, params, constraint = backend.seen[0]
    assert [(p.text, p.special) for p in prompt.pieces] == [("ab", True)]
    assert params == SamplingParams() and constraint is None


async def test_ids_go_through_untouched(client, backend) -> None:
    reply = (await post(client, input_ids=[104, 105])).json()
    assert reply["text"] == "HI"
    assert backend.seen[0][0].pieces[0].tokens == (104, 105)


async def test_lists_keep_their_order_and_n_multiplies(client) -> None:
    body = {"text": ["one", "a"], "sampling_params": [{"n": 2}, {"max_new_tokens": 8}]}
    replies = (await post(client, **body)).json()
    assert [r["text"] for r in replies] == ["ONE", "ONE", "A"]
    assert replies[0]["meta_info"]["id"] != replies[2]["meta_info"]["id"]
    assert isinstance((await post(client, text=["one"])).json(), list)
    assert [r["text"] for r in (await post(client, input_ids=[[97], [98]])).json()] == ["A", "B"]


NATIVE = {
    "max_new_tokens": 8,
    "min_new_tokens": 1,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "min_p": 0.1,
    "repetition_penalty": 1.1,
    "frequency_penalty": 0.2,
    "presence_penalty": 0.3,
    "stop": ["\n"],
    "stop_token_ids": [7],
    "stop_regex": ["a+", "b"],
    "ignore_eos": True,
    "logit_bias": {"5": 1.5},
    "n": 2,
    "sampling_seed": 3,
    "timeout": 9.0,
}


async def test_every_sampling_name_arrives(client, backend) -> None:
    assert (
        await post(client, text="x", sampling_params=NATIVE, priority=2, cache_salt="me")
    ).is_success
    assert backend.seen[0][1] == SamplingParams(
        max_tokens=8, min_tokens=1, temperature=0.5, top_p=0.9, top_k=5, min_p=0.1,
        repetition_penalty=1.1, frequency_penalty=0.2, presence_penalty=0.3, stop=("\n",),
        stop_token_ids=(7,), stop_regex="(?:a+)|(?:b)", ignore_eos=True, logit_bias=((5, 1.5),),
        n=2, seed=3, timeout=9.0, priority=2, namespace="me",
    )  # fmt: skip


async def test_all_tokens_is_minus_one(client, backend) -> None:
    await post(client, text="x", sampling_params={"top_k": -1, "seed": 4})
    assert backend.seen[0][1] == SamplingParams(seed=4)


TAG = {
    "structures": [{"begin": "<n>", "schema": {"type": "integer"}, "end": "</n>"}],
    "triggers": ["<n"],
}
TAGGED = Tagged((Tag("<n>", JsonSchema('{"type": "integer"}'), "</n>"),), triggers=("<n",))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("regex", "[0-9]+", Regex("[0-9]+")),
        ("json_schema", '{"type": "integer"}', JsonSchema('{"type": "integer"}')),
        ("json_schema", {"type": "integer"}, JsonSchema('{"type": "integer"}')),
        ("choices", ["yes", "no"], Choices(("yes", "no"))),
        ("ebnf", 'start: "a"', Ebnf('start: "a"')),
        ("structural_tag", TAG, TAGGED),
        ("structural_tag", json.dumps(TAG), TAGGED),
    ],
)
async def test_constraints_are_taken_in_both_places(
    client, backend, field, value, constraint, inside
) -> None:
    fields = {field: value}
    body = {"sampling_params": fields} if inside else fields
    assert (await post(client, text="x", **body)).is_success
    assert backend.seen[0][2] == constraint


async def test_logprobs_are_reported(client) -> None:
    reply = (await post(client, text="a", return_logprob=True, top_logprobs_num=1)).json()
    assert reply["meta_info"]["output_token_logprobs"] == [[-0.5, 65, "A"]]
    assert reply["meta_info"]["output_top_logprobs"] == [[[-0.5, 65, "A"]]]


async def read_events(client: httpx.AsyncClient, body: dict[str, object]) -> list[dict]:
    async with client.stream("POST", "/generate", json=body | {"stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in response.aiter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


async def test_a_stream_grows_to_the_whole_answer(client) -> None:
    """As SGLang's clients read it: each event holds all so far, and what is new is what they have not seen."""
    asked = {"text": "grüße", "rid": "r", "return_logprob": True}
    whole = (await post(client, **asked)).json()
    events = await read_events(client, asked)
    texts = [e["text"] for e in events]
    assert all(b.startswith(a) for a, b in zip(texts, texts[1:], strict=False))
    assert events[-1] == whole | {"index": 0}
    for event in events[:-1]:
        count = len(event["output_ids"])
        assert event["output_ids"] == whole["output_ids"][:count]
        assert event["meta_info"]["completion_tokens"] == count
        assert len(event["meta_info"]["output_token_logprobs"]) == count


def test_a_long_answer_is_not_told_again_with_every_token() -> None:
    answer, told, sizes = Answer("a", logprobs=True), 0, list[int]()
    for count in range(1, 8001):
        top = ((1, "x", -0.1),) if count == 700 else ()
        answer.take(Delta("ab", 0, (Token(count, "sampled", -0.5, top, "ab"),)))
        if (event := answer.so_far(0)) is not None:
            told += 1
            sizes.append(len(event["output_ids"]))
            meta = event["meta_info"]
            assert len(meta["output_token_logprobs"]) == sizes[-1]
            assert len(meta.get("output_top_logprobs", event["output_ids"])) == sizes[-1]
    assert sizes[:1000] == list(range(1, 1001))
    assert told < 512 * 5 and max(b - a for a, b in zip(sizes, sizes[1:], strict=False)) <= 17
    answer.take(Delta("", 0, (), Finish("length"), Usage(1, 0, 8000)))
    last = answer.so_far(0)
    assert last is not None and last["output_ids"] == list(range(1, 8001))
    assert len(last["text"]) == 16_000 and last["meta_info"]["finish_reason"]["length"] == 8000


async def test_a_stream_carries_only_what_is_new(client) -> None:
    whole = (await post(client, text="grüße", rid="r")).json()
    body = {"text": "grüße", "rid": "r", "incremental_streaming_output": True}
    events = await read_events(client, body)
    assert "".join(e["text"] for e in events) == whole["text"]
    assert [i for e in events for i in e["output_ids"]] == whole["output_ids"]
    assert events[-1]["meta_info"] == whole["meta_info"]
    assert all(e["meta_info"]["finish_reason"] is None for e in events[:-1])


async def test_a_stream_of_many_says_which(client) -> None:
    body = {"text": ["ab", "cd"], "sampling_params": {"n": 2}, "return_logprob": True}
    body["incremental_streaming_output"] = True
    texts = ["", "", "", ""]
    for event in await read_events(client, body):
        texts[event["index"]] += event["text"]
        scores = event["meta_info"]["output_token_logprobs"]
        assert [s[1] for s in scores] == event["output_ids"]
    assert texts == ["AB", "AB", "CD", "CD"]
