"""/v1/responses over a scripted model: items, events in their order, and what is kept."""

import asyncio
import json
from typing import Any

import trellis as tr
from trellis.runtime.errors import Overloaded
from trellis.runtime.server.errors import UnknownResponse
from trellis.runtime.server.openai.store import ResponseStore, Stored

PATH = "/v1/responses"
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}]


def body(**more: Any) -> dict[str, Any]:
    return {"model": "fake", "input": "Hi", **more}


def events(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for block in text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


async def test_a_response_is_made(fakes, connect) -> None:
    fake = fakes("one two")
    made = (await connect(fake).post(PATH, json=body(instructions="Be brief."))).json()
    assert (made["object"], made["status"], made["error"]) == ("response", "completed", None)
    (item,) = made["output"]
    assert (item["type"], item["role"], item["status"]) == ("message", "assistant", "completed")
    text = {"type": "output_text", "text": "one two", "annotations": [], "logprobs": []}
    assert item["content"] == [text]
    assert made["usage"]["output_tokens"] == 2
    assert made["usage"]["output_tokens_details"] == {"reasoning_tokens": 0}
    assert fake.calls[0].text == "[system]Be brief.[user]Hi[assistant]"


TEXT = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


async def test_events_come_in_their_order(fakes, connect) -> None:
    found = events((await connect(fakes("one two")).post(PATH, json=body(stream=True))).text)
    assert [event["type"] for event in found] == TEXT
    assert found[0]["response"]["output"] == [] and found[0]["response"]["status"] == "in_progress"
    id = found[2]["item"]["id"]
    assert all(e["item_id"] == id and e["output_index"] == 0 for e in found[3:8])
    assert [e["delta"] for e in found[4:6]] == ["one", " two"]
    assert found[6]["text"] == "one two" and found[8]["item"]["status"] == "completed"
    assert found[-1]["response"]["output"] == [found[8]["item"]]


async def test_thoughts_words_and_calls_are_items(fakes, connect) -> None:
    fake = fakes(f"<think>\nhm\n</think>\n\nWell.\n{CALL}\n{CALL}")
    found = events((await connect(fake).post(PATH, json=body(stream=True, tools=TOOLS))).text)
    kinds = [event["type"].removeprefix("response.") for event in found]
    assert kinds[2:8] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
    ]
    call = [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert kinds[-11:] == [*call, *call, "completed"]
    output = found[-1]["response"]["output"]
    types = ["reasoning", "message", "function_call", "function_call"]
    assert [item["type"] for item in output] == types
    assert output[2]["arguments"] == '{"city": "Oslo"}' and output[2]["call_id"]
    assert [e["output_index"] for e in found if e["type"].endswith("added") and "item" in e] == [
        0,
        1,
        2,
        3,
    ]


async def test_a_response_goes_on_from_another(fakes, connect) -> None:
    fake = fakes([CALL, "It is sunny."])
    client = connect(fake)
    first = (await client.post(PATH, json=body(tools=TOOLS, instructions="Only now."))).json()
    call = first["output"][0]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    sent = body(input=[result], previous_response_id=first["id"], tools=TOOLS)
    second = (await client.post(PATH, json=sent)).json()
    assert second["output"][0]["content"][0]["text"] == "It is sunny."
    text = fake.calls[1].text
    assert text.startswith("{weather}[user]Hi[assistant][{") and "Only now." not in text
    assert text.endswith("[tool]sunny[assistant]")
    items = (await client.get(f"{PATH}/{second['id']}/input_items")).json()["data"]
    assert [item["type"] for item in items] == ["function_call_output"]


async def test_output_sent_back_is_understood(fakes, connect) -> None:
    fake = fakes([f"<think>\nhm\n</think>\n\nWell.\n{CALL}", "done"])
    client = connect(fake)
    first = (await client.post(PATH, json=body(tools=TOOLS, store=False))).json()
    call = first["output"][2]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    sent = body(input=[{"role": "user", "content": "Hi"}, *first["output"], result])
    assert (await client.post(PATH, json=sent)).status_code == 200
    assert fake.calls[1].text.startswith("[user]Hi[assistant]Well.[{")
    missing = await client.get(f"{PATH}/{first['id']}")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")


async def test_what_is_kept_can_be_had_and_deleted_by_its_owner_only(fakes, connect) -> None:
    client = connect(fakes("x"))
    mine, other = {"authorization": "Bearer me"}, {"authorization": "Bearer you"}
    id = (await client.post(PATH, json=body(), headers=mine)).json()["id"]
    assert (await client.get(f"{PATH}/{id}", headers=mine)).json()["id"] == id
    assert (await client.get(f"{PATH}/{id}", headers=other)).status_code == 404
    assert (await client.delete(f"{PATH}/{id}", headers=other)).status_code == 404
    refused = await client.post(f"{PATH}/{id}/cancel", headers=mine)
    assert refused.status_code == 400
    assert (await client.delete(f"{PATH}/{id}", headers=mine)).json()["deleted"]
    gone = await client.post(PATH, json=body(previous_response_id=id), headers=mine)
    assert gone.status_code == 404


async def test_in_the_background(fakes, connect) -> None:
    fake = fakes(["done", tr.Stall("begun"), Overloaded("full")])
    client = connect(fake)

    async def begin() -> str:
        made = (await client.post(PATH, json=body(background=True))).json()
        assert made["status"] in ("queued", "in_progress")
        return made["id"]

    async def ended(id: str) -> dict[str, Any]:
        while True:
            found = (await client.get(f"{PATH}/{id}")).json()
            if found["status"] not in ("queued", "in_progress"):
                return found
            await asyncio.sleep(0.005)

    done = await ended(await begin())
    assert done["status"] == "completed" and done["output"][0]["content"][0]["text"] == "done"
    stalled = await begin()
    while fake.working == 0:
        await asyncio.sleep(0.005)
    cancelled = (await client.post(f"{PATH}/{stalled}/cancel")).json()
    assert cancelled["status"] == "cancelled"
    while fake.working:
        await asyncio.sleep(0.005)
    refused = await client.post(PATH, json=body(previous_response_id=stalled))
    assert refused.json()["error"]["param"] == "previous_response_id"
    failed = await ended(await begin())
    assert (failed["status"], failed["error"]["code"]) == ("failed", "overloaded")


async def test_what_is_cut_says_so(fakes, connect) -> None:
    made = (await connect(fakes("a b c")).post(PATH, json=body(max_output_tokens=2))).json()
    assert made["status"] == "incomplete"
    assert made["incomplete_details"] == {"reason": "max_output_tokens"}
    assert made["output"][0]["status"] == "incomplete"


async def test_a_failure_before_the_first_event_has_its_status(fakes, connect) -> None:
    reply = await connect(fakes(Overloaded("full"))).post(PATH, json=body(stream=True))
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "overloaded")


def test_the_store_is_bounded() -> None:
    def stored(id: str, size: int = 1) -> Stored:
        return Stored({"id": id}, [{"content": "x" * size}], [])

    store = ResponseStore(most=2)
    for id in "abc":
        store.put("me", stored(id))
    assert not store.has("me", "a") and len(store) == 2
    store.get("me", "b")
    store.put("me", stored("d"))
    assert store.has("me", "b") and not store.has("me", "c")
    store = ResponseStore(most_chars=1000)
    store.put("me", stored("a", 600))
    store.put("me", stored("b", 600))
    assert not store.has("me", "a")
    try:
        store.get("me", "a")
    except UnknownResponse as error:
        assert "'a'" in str(error)
