"""What holds for every test: the interpreter for Triton's kernels where there is no GPU, and no gpu tests there; no
browser tests where there is no browser; property tests draw the same examples in every run.

The interpreter must be chosen before anything imports Triton, which is why it happens here, at the top.
"""

import gc
import glob
import os

GPU = bool(glob.glob("/dev/nvidia[0-9]*"))
BROWSER = all(os.path.exists(f"/usr/bin/{name}") for name in ("chromium", "chromedriver"))
if not GPU:
    os.environ["TRITON_INTERPRET"] = "1"

import pytest  # noqa: E402 - after the choice above
from hypothesis import settings  # noqa: E402

# A change is judged by the same examples as the one before it. Other ones are drawn by `make fuzz`, which names the
# second profile. Tests that mind the time measure it themselves: a busy machine is no mistake.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("fixed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need a GPU or a browser are deselected where there is none, and the summary says how many."""
    missing = [name for name, there in (("gpu", GPU), ("browser", BROWSER)) if not there]
    unusable = [item for item in items if any(map(item.get_closest_marker, missing))]
    if unusable:
        config.hook.pytest_deselected(items=unusable)
        items[:] = [item for item in items if item not in unusable]


def pytest_collection_finish() -> None:
    """What modules made when they were imported stays: nobody need look through it again for garbage."""
    gc.collect()
    gc.freeze()
