"""EngineConfig: every setting of an engine, each described once, where the command line finds it too.

    config = EngineConfig(model="/models/llama", max_running=64)

The command line and the server derive their flags from these fields; nothing is written down a second time.
It refuses to know how the values are used, except to check that each can be meant.
"""

import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..lang.near import near
from .errors import ConfigError


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Settings of one engine. Raises ConfigError, naming the field, for a value that cannot be meant."""

    model: str | None = _setting(
        None, "Folder with a Hugging Face model; the bundled one when absent."
    )
    device: str = _setting("auto", "cpu, cuda, cuda:1 ...; auto takes a GPU where there is one.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = _setting(
        "auto", "Type of weights; auto is the model's own on a GPU and float32 on a CPU."
    )
    load: Literal["weights", "dummy"] = _setting(
        "weights", "dummy fills the model with random numbers, for measuring."
    )
    context: int | None = _setting(
        None, "Longest prompt plus answer, in tokens; the model's own when absent."
    )
    kv_tokens: int | None = _setting(None, "Tokens the KV pool holds; as many as fit when absent.")
    kv_dtype: Literal["auto", "fp8"] = _setting(
        "auto",
        "Type of keys and values; auto is dtype. fp8 is eight bits and a scale for each token and head:"
        " half the memory of bfloat16; on a CPU without native code.",
    )
    share: bool = _setting(
        True, "Read keys that rows of a step share once for all of them, on a GPU."
    )
    memory_fraction: float = _setting(
        0.9, "Part of the free device memory that weights and KV may take."
    )
    max_running: int = _setting(256, "Requests computed at once.")
    max_waiting: int = _setting(8192, "Requests that may wait; more are refused at once.")
    max_step_tokens: int | None = _setting(
        None, "Tokens computed in one step; 512 on a CPU, 8192 on a GPU."
    )
    beside_tokens: int | None = _setting(
        None,
        "Tokens of one prompt computed in one step while others are being answered, who wait for it; more"
        " starts the one sooner and slows the others. 128 on a GPU, as many as fit on a CPU.",
    )
    max_wait_seconds: float = _setting(
        5.0, "After this long a waiting request goes before those with longer cached prefixes."
    )
    native: bool = _setting(
        True, "Compute a float32 model on a CPU with code that is made for its shape."
    )
    graphs: bool = _setting(True, "Replay decode steps as CUDA graphs.")
    grammar_bytes: int | None = _setting(
        None, "Device memory for grammar tables; by device when absent."
    )
    mask_rows: int | None = _setting(None, "Token masks kept on the device; by device when absent.")
    threads: int | None = _setting(
        None,
        "CPU threads; when absent native code takes up to 8, the rest one for a small model, else torch's choice.",
    )

    compile_workers: int | None = _setting(
        None,
        "Processes that compile constraints; with 0, threads that decoding waits for. When absent none, but in a "
        "server with eight cores and more one for every four, up to four.",
    )
    grammar_folder: str | None = _setting(
        None, "Folder that keeps compiled constraints for the next start; none when absent."
    )

    def __post_init__(self) -> None:
        workers = self.compile_workers
        if isinstance(workers, bool) or (workers is not None and not 0 <= workers <= 64):
            raise ConfigError(f"compile_workers must be 0 to 64, got {workers!r}")
        positive = (
            "context",
            "kv_tokens",
            "max_running",
            "max_waiting",
            "max_step_tokens",
            "beside_tokens",
            "threads",
        )
        for name in positive:
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int) or value < 1
            ):
                raise ConfigError(f"{name} must be a whole number above 0, got {value!r}")
        if not 0.05 <= self.memory_fraction <= 1.0:
            raise ConfigError(
                f"memory_fraction must be between 0.05 and 1, got {self.memory_fraction}"
            )
        if self.max_wait_seconds < 0:
            raise ConfigError(f"max_wait_seconds must not be negative, got {self.max_wait_seconds}")
        if re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device) is None:
            raise ConfigError(f"device must be auto, cpu or cuda[:N], got {self.device!r}")
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ConfigError(
                f"dtype must be auto, float32, bfloat16 or float16, got {self.dtype!r}"
            )
        if self.kv_dtype not in ("auto", "fp8"):
            raise ConfigError(f"kv_dtype must be auto or fp8, got {self.kv_dtype!r}")
        if self.load not in ("weights", "dummy"):
            raise ConfigError(f"load must be weights or dummy, got {self.load!r}")

    @classmethod
    def of(cls, **options: Any) -> "EngineConfig":
        """The config with these options; ConfigError names an unknown one and lists the known."""
        known = [f.name for f in fields(cls)]
        if unknown := sorted(set(options) - set(known)):
            meant = near(unknown[0], known)
            raise ConfigError(
                f"unknown engine option {unknown[0]!r}{meant}; known: {', '.join(known)}"
            )
        return cls(**options)
