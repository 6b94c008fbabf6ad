"""The page at /docs says all of the document, its examples are understood, and nothing of it is from elsewhere."""

import html
import json
import re

from trellis.runtime.server.page.docs import Document, FieldEntry

EXAMPLE = re.compile(r"<pre>curl (?:-X (\w+) )?http://test(\S+)(?: \\\n.*?-d '(.*?)')?</pre>", re.S)
# A program is no example of one line, and these two need an engine.
NOT_HERE = {"/v1/programs", "/v1/embeddings", "/v1/messages/count_tokens"}


async def test_every_route_stands_on_it(connect, fakes) -> None:
    client = connect(fakes("yes"))
    page = await client.get("/docs")
    assert page.status_code == 200
    document = (await client.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            assert f'id="{method.upper()} {path}"' in page.text
            assert html.escape(said["summary"]) in html.unescape(page.text)
    fields = document["components"]["schemas"]["ChatBody"]["properties"]
    assert all(f"<td>{name}" in page.text for name in fields)


async def test_nothing_comes_from_elsewhere(connect, fakes) -> None:
    client = connect(fakes("yes"))
    page = await client.get("/docs")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "<script" not in page.text and "style=" not in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) >= 4
    for link in links:
        assert link.startswith("/") and not link.startswith("//")
        assert (await client.get(link)).status_code == 200
    assert (await client.get("/redoc")).status_code == 404


async def test_its_examples_are_understood(connect, fakes) -> None:
    client = connect(fakes(" blue"), served_name="m")
    page = html.unescape((await client.get("/docs")).text)
    examples = [found for found in EXAMPLE.findall(page) if found[2]]
    assert {path for _, path, _ in examples} >= NOT_HERE
    for method, path, body in examples:
        sent = json.loads(body.replace("'\\''", "'"))
        reply = await client.request(method or "POST", path, json=sent)
        assert (reply.status_code == 200) != (path in NOT_HERE), (path, sent, reply.text)


async def test_what_others_wrote_is_text(connect, fakes) -> None:
    page = await connect(fakes("yes"), served_name="<script>it's</script>").get("/docs")
    assert page.status_code == 200 and "<script" not in page.text
    assert "&lt;script&gt;" in page.text


def test_a_document_is_taken_apart() -> None:
    pair = {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/components/schemas/B"}, {"type": "null"}]},
    }
    a = {
        "type": "object",
        "properties": {
            "pair": pair,
            "least": {"type": "integer", "default": 2, "description": "so"},
        },
        "required": ["pair"],
    }
    b = {"type": "object", "properties": {"which": {"enum": ["x", "y"]}}, "required": ["which"]}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    document = Document(
        {
            "info": {"title": "T"},
            "paths": {"/a": {"post": {"summary": "s", "tags": ["t"], "requestBody": body}}},
            "components": {"schemas": {"A": a, "B": b}},
        },
        "m",
    )
    (route,) = document.groups()["t"]
    assert (route.method, route.path, route.example) == ("POST", "/a", '{"pair": [{"which": "x"}]}')
    assert route.fields == [
        FieldEntry("pair", "[B]", True, "", ""),
        FieldEntry("least", "integer", False, "2", "so"),
    ]
    assert document.objects() == {"B": ("", [FieldEntry("which", '"x" | "y"', True, "", "")])}
