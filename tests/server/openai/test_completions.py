"""/v1/completions over a scripted model."""

import json

from trellis.constrained.spec import Regex

PATH = "/v1/completions"


async def test_a_text_is_continued(fakes, connect) -> None:
    fake = fakes("one two three")
    sent = {"model": "fake", "prompt": "Once", "max_tokens": 2, "regex": "[a-z ]+"}
    reply = (await connect(fake).post(PATH, json=sent)).json()
    assert (reply["object"], reply["id"][:5]) == ("text_completion", "cmpl-")
    choice = {"index": 0, "text": "one two", "logprobs": None, "finish_reason": "length"}
    assert reply["choices"] == [choice]
    assert (reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]) == (1, 2)
    assert fake.calls[0].text == "Once" and fake.calls[0].constraint == Regex("[a-z ]+")


async def test_sixteen_tokens_unless_told(fakes, connect) -> None:
    reply = (
        await connect(fakes("a " * 40)).post(PATH, json={"model": "fake", "prompt": "a"})
    ).json()
    assert reply["usage"]["completion_tokens"] == 16


async def test_many_prompts_and_answers_in_order(fakes, connect) -> None:
    client = connect(fakes(lambda call: f"after {call.text}"))
    sent = {"model": "fake", "prompt": ["x", "y"], "n": 2}
    reply = (await client.post(PATH, json=sent)).json()
    said = [(c["index"], c["text"]) for c in reply["choices"]]
    assert said == [(0, "after x"), (1, "after x"), (2, "after y"), (3, "after y")]
    usage = reply["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (2, 8)


async def test_a_stream_says_the_same_in_pieces(fakes, connect) -> None:
    client = connect(fakes("one two"))
    sent = {"model": "fake", "prompt": "x", "logprobs": 1}
    whole = (await client.post(PATH, json=sent)).json()
    assert whole["choices"][0]["logprobs"] == {
        "tokens": ["one", " two"],
        "token_logprobs": [-0.1, -0.1],
        "top_logprobs": [{"one": -0.1}, {" two": -0.1}],
        "text_offset": [0, 3],
    }
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    lines = (await client.post(PATH, json=sent | streamed)).text.split("\n\n")
    assert lines[-2] == "data: [DONE]"
    pieces = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    assert "".join(p["choices"][0]["text"] for p in pieces[:-1]) == "one two"
    offsets = [p["choices"][0]["logprobs"]["text_offset"] for p in pieces[:-1]]
    assert offsets == [[0], [3], []]
    assert pieces[-2]["choices"][0]["finish_reason"] == "stop"
    assert pieces[-1]["choices"] == [] and pieces[-1]["usage"] == whole["usage"]
