"""What holds for every test: the interpreter for Triton's kernels where there is no GPU, and no gpu tests there; no
browser tests where there is no browser.

The interpreter must be chosen before anything imports Triton, which is why it happens here, at the top.
"""

import glob
import os

GPU = bool(glob.glob("/dev/nvidia[0-9]*"))
BROWSER = all(os.path.exists(f"/usr/bin/{name}") for name in ("chromium", "chromedriver"))
if not GPU:
    os.environ["TRITON_INTERPRET"] = "1"

import pytest  # noqa: E402 - after the choice above


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need a GPU or a browser are deselected where there is none, and the summary says how many."""
    missing = [name for name, there in (("gpu", GPU), ("browser", BROWSER)) if not there]
    unusable = [item for item in items if any(map(item.get_closest_marker, missing))]
    if unusable:
        config.hook.pytest_deselected(items=unusable)
        items[:] = [item for item in items if item not in unusable]
