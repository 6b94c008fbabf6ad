"""What is shipped for operators is true: names of metrics and settings, files that exist, YAML that is YAML."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from trellis.lang.backends.base import Finish, Usage
from trellis.runtime.config import EngineConfig
from trellis.runtime.server.auth import ADMIN_PATHS
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.metrics import Meters

DEPLOY = Path(__file__).parents[2] / "deploy"
SETTINGS = {f.name for kind in (EngineConfig, ServerConfig) for f in fields(kind)}
STATS: dict[str, Any] = {
    "running": 0,
    "waiting": 0,
    "preemptions": 0,
    "pages": {"total": 8, "free": 8, "cached": 0, "private": 0},
    "times": dict.fromkeys(
        (
            "plan",
            "launch",
            "wait",
            "commit",
            "emit",
            "steps",
            "prompt",
            "cached",
            "forced",
            "sampled",
        ),
        0,
    ),
}


def metric_names() -> set[str]:
    meters = Meters()
    meters.watch("remote_states", "States.", lambda: 0)
    meters.observe(Finish("stop"), Usage())
    text = meters.render(STATS).decode()
    found = set(re.findall(r"^(trellis:\w+)", text, re.MULTILINE))
    histograms = set(re.findall(r"# TYPE (trellis:\w+) histogram", text))
    return found | histograms | {f"{name}_bucket" for name in histograms}


def test_the_dashboard_and_alerts_name_metrics_that_exist() -> None:
    known = metric_names()
    for file in ("grafana/dashboard.json", "prometheus/alerts.yml"):
        used = set(re.findall(r"trellis:\w+", (DEPLOY / file).read_text()))
        assert used and used <= known, used - known
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


async def test_the_operators_page_names_metrics_and_routes_that_exist(client) -> None:
    page = (DEPLOY / "README.md").read_text()
    assert set(re.findall(r"`(trellis:\w+)`", page)) <= metric_names()
    known = {"/", "/docs", *ADMIN_PATHS, *(await client.get("/openapi.json")).json()["paths"]}
    for path in re.findall(r"`(/[\w/]*)`", page):
        assert path in known, path
    for name in re.findall(r"`--([\w-]+)", page):
        assert name.replace("-", "_") in SETTINGS | {"config", "check"}, name


def test_the_tables_of_the_operators_page_are_what_the_code_says() -> None:
    command = [sys.executable, "-P", DEPLOY / "tables.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=DEPLOY.parent)
    assert done.returncode == 0, done.stderr


YAMLS = [
    p
    for p in sorted(DEPLOY.rglob("*"))
    if p.suffix in (".yml", ".yaml") and "templates" not in p.parts
]


@pytest.mark.parametrize("path", YAMLS, ids=lambda p: p.name)
def test_yaml_is_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_compose_and_chart_use_settings_that_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    names = {n for n in compose["services"]["trellis"]["environment"] if n.startswith("TRELLIS_")}
    chart = (DEPLOY / "helm/templates/deployment.yaml").read_text()
    names |= set(re.findall(r"TRELLIS_\w+", chart))
    names |= set(re.findall(r"TRELLIS_\w+", (DEPLOY / "Dockerfile").read_text()))
    assert {name.removeprefix("TRELLIS_").lower() for name in names} <= SETTINGS
    values = yaml.safe_load((DEPLOY / "helm/values.yaml").read_text())
    assert set(values["settings"]) <= SETTINGS
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            assert (DEPLOY / volume.split(":")[0]).exists(), volume


def test_every_value_that_the_chart_uses_has_a_default() -> None:
    values = yaml.safe_load((DEPLOY / "helm/values.yaml").read_text())
    for template in (DEPLOY / "helm/templates").glob("*.yaml"):
        for path in re.findall(r"\.Values\.([\w.]+)", template.read_text()):
            inside: Any = values
            for part in path.split("."):
                assert part in inside, f"{template.name}: {path}"
                inside = inside[part]
