"""What holds for every test: the interpreter for Triton's kernels where there is no GPU, and no gpu tests there.

The interpreter must be chosen before anything imports Triton, which is why it happens here, at the top.
"""

import glob
import os

GPU = bool(glob.glob("/dev/nvidia[0-9]*"))
if not GPU:
    os.environ["TRITON_INTERPRET"] = "1"

import pytest  # noqa: E402 - after the choice above


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a GPU the tests marked gpu are deselected, and the summary says how many."""
    unusable = [] if GPU else [item for item in items if item.get_closest_marker("gpu")]
    if unusable:
        config.hook.pytest_deselected(items=unusable)
        items[:] = [item for item in items if item not in unusable]
