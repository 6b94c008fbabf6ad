"""The page: nothing from elsewhere, and a click through it in a headless browser."""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

import trellis as tr
from trellis.runtime.config import EngineConfig
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.served import serve_local

PROGRAMS = """
import trellis as tr

@tr.function
def greet(s, name: str) -> str:
    s += tr.user("Say hello to " + name)
    s += tr.assistant(tr.gen("greeting", max_tokens=8))
    return s["greeting"]
"""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1280,860",
)  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("programs") / "app.py"
    file.write_text(PROGRAMS)
    backend = tr.Engine(kv_tokens=16_384)
    served = serve_local(backend, EngineConfig(kv_tokens=16_384))
    app = create_app(served, ServerConfig(programs=str(file)))
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="off", interface="asgi3")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(5)
    listening.close()
    backend.close()


def test_nothing_comes_from_elsewhere(url: str) -> None:
    page = httpx.get(url)
    assert page.status_code == 200
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) >= 4
    for path in files:
        assert path.startswith("/page/"), path
        reply = httpx.get(url + path)
        assert reply.status_code == 200
        assert not re.search(r"https?://(?!www\.w3\.org)", reply.text), path
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_scripts_use_only_ids_that_exist(url: str) -> None:
    page = httpx.get(url).text
    script = httpx.get(url + "/page/app.js").text
    used = set(re.findall(r'\$\("([a-z-]+)"\)', script))
    assert used and used <= set(re.findall(r'id="([a-z-]+)"', page))


@pytest.fixture
def browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService("/usr/bin/chromedriver")
    )
    yield driver
    driver.quit()


def until(found: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.05)
    return value


@pytest.mark.browser
def test_a_click_through(url: str, browser: Any, tmp_path: Path) -> None:
    browser.get(url)

    def all_of(selector: str) -> list[Any]:
        return browser.find_elements("css selector", selector)

    def first(selector: str) -> Any:
        return all_of(selector)[0]

    until(lambda: first("#model").text == "seedling")
    first("#kind").send_keys("JSON Schema")
    first("#go").click()
    until(lambda: "ended by" in first("#counts").text)
    assert first("#answer").text.startswith('{"name": ')
    assert all_of("#answer .forced") and all_of("#answer .sampled")
    until(lambda: all_of("#answer .sampled"))[0].click()
    assert "%" in until(lambda: first("#likely").text)

    first("#kind").send_keys("regex")
    browser.execute_script("document.getElementById('constraint').value = '('")
    first("#go").click()
    assert "(" in until(lambda: first("#problem").text)

    first("[data-view=programs]").click()
    until(lambda: all_of("#names button"))[0].click()
    browser.execute_script("document.getElementById('arguments').value = '{\"name\": \"Ada\"}'")
    first("#run").click()
    assert until(lambda: first("#value").text).startswith('"')
    assert "greeting" in first("#trace").text

    first("[data-view=tree]").click()
    until(lambda: all_of("#nodes li"))
    assert browser.get_screenshot_as_png()
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [entry for entry in severe if "400" not in entry["message"]] == []
