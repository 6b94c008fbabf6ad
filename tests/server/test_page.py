"""The page: nothing from elsewhere, and a click through it in a headless browser."""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn

import trellis as tr
from trellis.runtime.config import EngineConfig
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.page.routes import SCRIPTS
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
        assert path.startswith("/page/") or path == "/metrics", path
        reply = httpx.get(url + path)
        assert reply.status_code == 200
        assert not re.search(r"https?://(?!www\.w3\.org)", reply.text), path
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_scripts_use_only_ids_that_exist(url: str) -> None:
    page = httpx.get(url).text
    scripts = [httpx.get(f"{url}/page/{name}.js") for name in SCRIPTS]
    assert all(script.status_code == 200 for script in scripts)
    used = {id for script in scripts for id in re.findall(r'\$\("([a-z-]+)"\)', script.text)}
    imported = {name for s in scripts for name in re.findall(r'from "./([a-z]+)\.js"', s.text)}
    assert imported == set(SCRIPTS) - {"app"}
    assert used and used <= set(re.findall(r'id="([a-z-]+)"', page))


SIZES = {"wide": (1280, 800, "light"), "phone": (390, 844, "dark")}


class Page:
    """The page in a browser, as somebody uses it."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        driver.get(url)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        """What is written there now; the page may be about to write it anew."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return self.driver.execute_script(script, selector).strip()

    def click(self, selector: str) -> None:
        self.driver.execute_script("arguments[0].click()", until(lambda: self.all(selector))[0])

    def fill(self, id: str, value: str) -> None:
        self.driver.execute_script(FILL, id, value)

    def ask(self) -> None:
        """Asks, and waits for the end of the answer."""
        self.click("#go")
        until(lambda: self.all("#go")[0].is_enabled())

    def fits(self) -> bool:
        """Whether nothing is wider than the window."""
        widths = "return [document.documentElement.scrollWidth, window.innerWidth]"
        wide, room = self.driver.execute_script(widths)
        return wide <= room


FILL = """
const field = document.getElementById(arguments[0]);
field.value = arguments[1];
for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind));
"""


@pytest.fixture(scope="module")
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


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Any, url: str) -> Iterator[Page]:
    """The page at one size and in one scheme of colours; nothing may have gone wrong in it in the end."""
    width, height, scheme = SIZES[request.param]
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    opened = Page(browser, url)
    until(lambda: opened.text("#model") == "seedling")
    yield opened
    assert opened.fits()
    wrong = [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    assert [message for message in wrong if "status of 400" not in message] == []


@pytest.mark.browser
def test_an_answer_is_coloured_and_explained(page: Page) -> None:
    page.fill("kind", "json_schema")
    until(lambda: page.text("#verdict") == "enforced exactly")
    for _ in range(2):
        page.ask()
        assert "ended by" in page.text("#counts")
        assert page.text("#answer").startswith('{"name": ')
        assert page.all("#answer .forced") and page.all("#answer .sampled")
        until(lambda: page.all("#read span"))
    assert "Ada Lovelace" in until(lambda: page.text("#read .cached"))
    page.click("#answer .sampled")
    assert "%" in until(lambda: page.text("#likely"))


@pytest.mark.browser
def test_the_fields_of_a_schema_can_be_edited(page: Page) -> None:
    page.fill("kind", "json_schema")
    assert len(page.all("#fields li")) == 3
    for _ in range(2):
        page.click("#fields li:last-child button")
    page.click("#add-field")
    page.driver.execute_script(
        "const row = document.querySelector('#fields li:last-child');"
        "row.querySelector('select').value = 'boolean';"
        "row.querySelector('select').dispatchEvent(new Event('change'))"
    )
    until(lambda: page.text("#verdict") == "enforced exactly")
    page.ask()
    assert re.fullmatch(r'\{"name": ".*", "field2": (true|false)\}', page.text("#answer"))
    page.fill("constraint", '{"type": "object", "patternProperties": {}}')
    assert not page.all("#fields-part")[0].is_displayed()
    page.fill("constraint", "{")
    until(lambda: page.all("#verdict.bad"))


@pytest.mark.browser
def test_tools_are_called_and_mistakes_are_told(page: Page) -> None:
    page.fill("kind", "tools")
    page.fill("prompt", "What is the weather in Lisbon?")
    page.ask()
    assert page.text("#calls") == 'get_weather {"city": "Lisbon"}'
    assert "tool_calls" in page.text("#counts")
    written = page.text("#answer")
    assert '"arguments": {"city": "Lisbon"}' in written
    assert written == "".join(span.get_property("textContent") for span in page.all("#answer > *"))
    forced = [span.text for span in page.all("#answer .forced")]
    assert "Lisbon" not in "".join(forced) and f"forced\n{len(forced)}\n" in page.text("#counts")
    assert "Lisbon" in "".join(span.text for span in page.all("#answer .sampled"))
    page.click("#answer .sampled")
    assert "%" in until(lambda: page.text("#likely"))
    page.fill("kind", "regex")
    page.fill("constraint", "(")
    page.ask()
    assert "(" in page.text("#problem") and "(" in until(lambda: page.text("#verdict"))


@pytest.mark.browser
def test_runs_are_seen_with_their_traces(page: Page, url: str) -> None:
    page.click("[data-view=programs]")
    page.click("#names button")
    page.fill("arguments", '{"name": "Ada"}')
    page.click("#run")
    assert until(lambda: page.text("#value")).startswith('"')
    assert "greeting" in until(lambda: page.text("#runs .trace"))
    # What others run is seen, too.
    httpx.post(f"{url}/v1/programs/greet", json={"name": "Zoe"}, timeout=60)
    before = len(page.all("#runs .run"))
    until(lambda: len(page.all("#runs .run")) > before or before >= 2)
    page.click("[data-view=tree]")
    until(lambda: page.all("#nodes li meter"))


@pytest.mark.browser
def test_counts_are_drawn(page: Page) -> None:
    page.ask()
    page.click("[data-view=metrics]")
    until(lambda: len(page.all("#charts figure path")) >= 6)
    until(lambda: re.search(r"tokens drawn a second\s+\d", page.text("#charts")))


@pytest.mark.browser
def test_the_routes_are_described_with_nothing_from_elsewhere(page: Page, url: str) -> None:
    page.driver.get(f"{url}/docs")
    until(lambda: page.all("details"))
    page.click("#POST\\ \\/generate summary")
    assert "json_schema" in page.text("#POST\\ \\/generate table")
    loaded = page.driver.execute_script(
        "return performance.getEntriesByType('resource').map(one => one.name)"
    )
    assert loaded and all(one.startswith(f"{url}/page/") for one in loaded), loaded
