"""What came back over the wire is understood, whole or not, however it was cut into reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.runtime.bench.serving.exchange import END, Address, Exchange, ask, begin, request
from trellis.runtime.bench.serving.relay import relayed
from trellis.runtime.bench.serving.streams import Completions, Generate, read_stream

EVENTS = [{"text": "a", "output_ids": [5], "meta_info": {}}] * 2
EVENTS += [{"text": "b", "output_ids": [6], "meta_info": {"completion_tokens": 3}}]


def chunked(parts: list[bytes], ended: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return head + body + (b"0\r\n\r\n" if ended else b"")


def events(*data: object) -> list[bytes]:
    return [b"data: " + json.dumps(one).encode() + b"\n\n" for one in data] + [b"data: [DONE]\n\n"]


async def received(raw: bytes, cuts: list[int]) -> Exchange:
    """An exchange that got these bytes in pieces, the first at second 0, the next at 1 ..."""
    exchange = Exchange(b"")
    places = [0, *sorted(cut % len(raw) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in zip(places, places[1:], strict=False) if a < b]
    exchange.reads = [(float(index), piece) for index, piece in enumerate(pieces)]
    exchange.ended = True
    return exchange


@given(st.lists(st.integers(0, 1000), max_size=12))
async def test_reads_may_be_cut_anywhere(cuts):
    exchange = await received(chunked(events(*EVENTS)), cuts)
    reply = await exchange.reply()
    assert reply.whole
    assert [event for _, event in reply.events()] == [*EVENTS, END]
    times = [when for when, _ in reply.events()]
    assert times == sorted(times) and times[-1] <= len(exchange.reads) - 1
    answer = read_stream(Generate(), reply, 0.0, 3)
    assert (answer.text, answer.ids, answer.timing.tokens) == ("aab", (5, 5, 6), 3)


async def test_an_event_has_the_time_of_the_read_that_completed_it():
    raw = chunked(events(*EVENTS))
    cuts = [raw.index(b"data", place) for place in (0, 80, 140)]
    exchange = await received(raw, cuts)
    reply = await exchange.reply()
    assert [when for when, _ in reply.events()][0] == 1.0


@pytest.mark.parametrize("raw", [chunked(events(*EVENTS), ended=False), chunked(events()[:0])])
async def test_what_broke_off_is_no_answer(raw):
    reply = await (await received(raw, [])).reply()
    assert read_stream(Generate(), reply, 0.0, 3).timing.error == "the stream broke off"


async def test_errors_are_told_with_their_words():
    inside = await (await received(chunked(events({"error": {"message": "gone"}})), [])).reply()
    assert "gone" in (read_stream(Generate(), inside, 0.0, 3).timing.error or "")
    raw = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
    reply = await (await received(raw, [3])).reply()
    assert (reply.status, reply.whole, reply.body) == (503, True, b"busy")
    assert "503" in (read_stream(Generate(), reply, 0.0, 3).timing.error or "")
    with pytest.raises(ConnectionError):
        await (await received(b"HTTP/1.1 2", [])).reply()


async def test_completions_count_by_their_usage():
    piece = {"choices": [{"text": "a"}], "usage": None}
    last = {"choices": [], "usage": {"completion_tokens": 7}}
    reply = await (await received(chunked(events(piece, piece, last)), [])).reply()
    answer = read_stream(Completions("m"), reply, 0.0, 7)
    assert (answer.text, answer.timing.tokens, len(answer.timing.pieces)) == ("aa", 7, 2)


def test_addresses_and_requests():
    address = Address.of("https://host/v/", "k")
    assert (address.host, address.port, address.tls, address.root) == ("host", 443, True, "/v")
    assert b"POST /v/generate HTTP/1.1\r\n" in request(address, "/generate", {"a": 1})
    assert b"Authorization: Bearer k" in request(address, "/ready")
    with pytest.raises(ValueError, match="http"):
        Address.of("host:80")


async def test_a_relay_counts_requests_and_bytes(serving):
    with relayed(serving) as relay:
        address = Address.of(relay.url)
        first = await ask(address, "/health")
        await ask(address, "/generate", {"text": "x" * 5000})
        counts = relay.take()
    assert first.status == 200
    assert (counts.requests, counts.connections) == (2, 2)
    assert counts.up > 5000 and counts.down > len(first.body)


async def test_leaving_ends_an_exchange(serving):
    address = Address.of(serving)
    exchange = await begin(address, request(address, "/generate", {"text": "wait", "stream": True}))
    await exchange.grown(1)
    exchange.leave()
    await exchange.grown(10**6)
    assert exchange.ended
