"""Whatever is not honoured is refused by its name, in this API's shape; nothing is silently ignored."""

from typing import Any

import pytest

import trellis as tr

CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
TOOL = {"type": "function", "function": {"name": "f"}}
FLAT = {"type": "function", "name": "f"}


def chat(**more: Any) -> tuple[str, dict[str, Any]]:
    return CHAT, {"model": "fake", "messages": [{"role": "user", "content": "Hi"}], **more}


def said(*messages: Any) -> tuple[str, dict[str, Any]]:
    return CHAT, {"model": "fake", "messages": list(messages)}


def completion(**more: Any) -> tuple[str, dict[str, Any]]:
    return COMPLETIONS, {"model": "fake", "prompt": "a", **more}


def response(**more: Any) -> tuple[str, dict[str, Any]]:
    return RESPONSES, {"model": "fake", "input": "a", **more}


def called(**call: Any) -> tuple[str, dict[str, Any]]:
    return said({"role": "assistant", "tool_calls": [{"id": "1", "type": "function", **call}]})


CONTINUED = {"continue_final_message": True}

BAD = [
    (chat(**CONTINUED), "continue_final_message"),
    (chat(**CONTINUED, add_generation_prompt=True), "continue_final_message"),
    (chat(continue_final_message="yes"), "continue_final_message"),
    (said(), "messages"),
    (said({"role": "boss", "content": "a"}), "messages[0].role"),
    (said({"role": "user"}), "messages[0].content"),
    (said({"role": "user", "content": 5}), "messages[0].content"),
    (
        said({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}),
        "messages[0].content[0]",
    ),
    (
        said({"role": "user", "content": "a", "tool_calls": []}, {"role": "tool", "content": "b"}),
        "messages[1].tool_call_id",
    ),
    (said({"role": "user", "content": "a", "mood": 1}), "messages[0].mood"),
    (said({"role": "assistant", "audio": {"id": "1"}}), "messages[0].audio"),
    (
        called(function={"name": "f", "arguments": "["}),
        "messages[0].tool_calls[0].function.arguments",
    ),
    (
        called(function={"name": "f", "arguments": "[]"}),
        "messages[0].tool_calls[0].function.arguments",
    ),
    (called(custom={}), "messages[0].tool_calls[0]"),
    (chat(prediction={}), "prediction"),
    (chat(functions=[]), "functions"),
    (chat(audio={}), "audio"),
    (chat(web_search_options={}), "web_search_options"),
    (chat(max_tokens=1, max_completion_tokens=1), "max_tokens"),
    (chat(max_completion_tokens=-1), "max_completion_tokens"),
    (chat(temperature=-1), "temperature"),
    (chat(temperature="hot"), "temperature"),
    (chat(n=1000), "n"),
    (chat(top_logprobs=2), "top_logprobs"),
    (chat(logprobs=True, top_logprobs=99), "top_logprobs"),
    (chat(logit_bias={"x": 1}), "logit_bias"),
    (chat(stop=[""]), "stop"),
    (chat(modalities=["audio"]), "modalities"),
    (chat(verbosity="high"), "verbosity"),
    (chat(reasoning_effort="wild"), "reasoning_effort"),
    (chat(stream_options={"include_usage": True}), "stream_options"),
    (
        chat(stream=True, stream_options={"include_obfuscation": True}),
        "stream_options.include_obfuscation",
    ),
    (chat(response_format={"type": "xml"}), "response_format.type"),
    (chat(response_format={"type": "json_schema"}), "response_format.json_schema"),
    (
        chat(response_format={"type": "json_schema", "json_schema": {"schema": {}}}),
        "response_format.json_schema.name",
    ),
    (
        chat(response_format={"type": "json_schema", "json_schema": {"name": "a"}}),
        "response_format.json_schema.schema",
    ),
    (
        chat(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {}, "x": 1},
            }
        ),
        "response_format.json_schema.x",
    ),
    (chat(response_format={"type": "json_object"}, regex="a"), "regex"),
    (chat(regex="a", choices=["a"]), "choices"),
    (chat(structured_outputs={"regex": "a", "choice": ["a"]}), "structured_outputs.choice"),
    (chat(structured_outputs={"whitespace_pattern": " "}), "structured_outputs.whitespace_pattern"),
    (
        chat(structured_outputs={"regex": "a", "disable_any_whitespace": False}),
        "structured_outputs.disable_any_whitespace",
    ),
    (chat(structured_outputs={"structural_tag": "{"}), "structured_outputs.structural_tag"),
    (
        chat(structured_outputs={"structural_tag": {"structures": [{}]}}),
        "structured_outputs.structural_tag.structures[0]",
    ),
    (chat(guided_decoding_backend="x"), "guided_decoding_backend"),
    (chat(tools=[{"type": "custom", "custom": {"name": "x"}}]), "tools[0].type"),
    (chat(tools=[{"type": "function", "function": {"name": "a b"}}]), "tools[0].name"),
    (chat(tools=[TOOL, TOOL]), "tools"),
    (chat(tool_choice="required"), "tool_choice"),
    (chat(tools=[TOOL], tool_choice="sometimes"), "tool_choice"),
    (
        chat(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "g"}}),
        "tool_choice",
    ),
    (chat(tools=[TOOL], tool_choice={"type": "allowed_tools", "allowed_tools": {}}), "tool_choice"),
    (chat(chat_template_kwargs={"x": True}), "chat_template_kwargs"),
    (chat(chat_template_kwargs={"x": {}}), "chat_template_kwargs.x"),
    (completion(prompt=""), "prompt"),
    (completion(prompt=[]), "prompt"),
    (completion(prompt=["a", ""]), "prompt"),
    (completion(prompt=["a"] * 3), "prompt"),
    (completion(prompt=[1, 2]), "prompt"),
    (completion(echo=True), "echo"),
    (completion(suffix="x"), "suffix"),
    (completion(best_of=3), "best_of"),
    (completion(logprobs=50), "logprobs"),
    (completion(response_format={"type": "structural_tag"}), "response_format.type"),
    (response(input=[]), "input"),
    (response(input=[{"type": "item_reference", "id": "x"}]), "input[0].type"),
    (
        response(input=[{"role": "user", "content": [{"type": "input_image"}]}]),
        "input[0].content[0]",
    ),
    (response(input=[{"role": "tool", "content": "x"}]), "input[0].role"),
    (response(input=[{"type": "function_call_output", "call_id": "x", "output": "y"}]), "input"),
    (response(input=[{"type": "function_call", "name": "f"}]), "input[0].call_id"),
    (response(tools=[{"type": "web_search"}]), "tools[0].type"),
    (response(tools=[{"type": "function"}]), "tools[0].name"),
    (response(tools=[FLAT], tool_choice={"type": "file_search"}), "tool_choice"),
    (response(text={"format": {"type": "json_schema", "name": "a"}}), "text.format.schema"),
    (response(text={"format": {"type": "xml"}}), "text.format.type"),
    (response(text={"verbosity": "low"}), "text.verbosity"),
    (response(truncation="auto"), "truncation"),
    (response(include=["file_search_call.results"]), "include"),
    (response(background=True, stream=True), "background"),
    (response(background=True, store=False), "background"),
    (response(max_tool_calls=1), "max_tool_calls"),
    (response(n=2), "n"),
    (response(max_output_tokens=-1), "max_output_tokens"),
    (response(conversation="x"), "conversation"),
    (response(prompt={"id": "x"}), "prompt"),
]


@pytest.mark.parametrize(("request_", "param"), BAD, ids=lambda v: str(v)[:60])
async def test_a_bad_field_is_named(fakes, connect, request_, param) -> None:
    fake = fakes("never said")
    path, body = request_
    reply = await connect(fake, max_batch=2).post(path, json=body)
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    assert error["message"] and error["code"] and not fake.calls


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, RESPONSES])
async def test_what_is_no_object_is_refused(fakes, connect, path) -> None:
    client = connect(fakes("x"))
    headers = {"content-type": "application/json"}
    for content in (b"", b"[1]", b"{", b"\xff", b"[" * 100_000, b'{"model": NaN}'):
        reply = await client.post(path, content=content, headers=headers)
        assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_gates_speak_as_the_api_does(fakes, connect) -> None:
    client = connect(fakes("x"), api_key="secret", max_body_bytes=100)
    reply = await client.post(CHAT, json={})
    assert reply.status_code == 401
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == ("authentication_error", "unauthorized")
    headers = {"authorization": "Bearer secret"}
    reply = await client.post(CHAT, json={"model": "a" * 200}, headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "body_too_large")
    assert (await client.get("/v1/models", headers=headers)).is_success


async def test_what_has_no_effect_is_taken(fakes, connect) -> None:
    client = connect(fakes("x"))
    nothing = {
        "user": "u",
        "service_tier": "auto",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
    }
    for path, body in (
        chat(**nothing, metadata={"a": "b"}, store=True, verbosity="medium"),
        response(**nothing, metadata={"a": "b"}),
        completion(user="u"),
    ):
        assert (await client.post(path, json=body)).status_code == 200


async def test_the_models(fakes, connect) -> None:
    client = connect(fakes("x"), served_name="one/model")
    listed = (await client.get("/v1/models")).json()
    assert [model["id"] for model in listed["data"]] == ["one/model"]
    assert (await client.get("/v1/models/one/model")).json()["object"] == "model"
    for reply in (
        await client.get("/v1/models/other"),
        await client.post(CHAT, json=chat()[1]),
        await client.post(COMPLETIONS, json=completion()[1]),
        await client.post(RESPONSES, json=response()[1]),
    ):
        error = reply.json()["error"]
        assert (reply.status_code, error["code"], error["param"]) == (
            404,
            "model_not_found",
            "model",
        )
    body = {"model": "one/model", "input": "x"}
    reply = await client.post("/v1/embeddings", json=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported")


async def test_a_backend_without_a_template_has_no_chats(connect) -> None:
    with tr.Fake("x") as fake:
        reply = await connect(fake).post(CHAT, json=chat()[1])
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported")
