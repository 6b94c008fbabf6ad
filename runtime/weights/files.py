"""The tensors of a model folder, one at a time.

    for name, tensor in read_tensors(folder):        # CPU tensors mapped from the file, read when they are used
        ...

Reading is as fast as the disk. It refuses to know which tensors a model wants.
"""

from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import ModelError
from ..models.config import read_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
LFS_POINTER = b"version https://git-lfs"


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Every (name, tensor) of the folder's safetensors. Raises ModelError for a missing or damaged file."""
    for path in find_shards(folder):
        yield from _read_shard(path)


def find_shards(folder: Path) -> list[Path]:
    """The folder's weight files in a fixed order. Raises ModelError where there are none, or not all."""
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if not (folder / INDEX).is_file():
        raise ModelError(_without_weights(folder))
    index = read_json(folder / INDEX).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise ModelError(f"{folder / INDEX} has no 'weight_map'; download the file again")
    names = sorted({str(name) for name in index.values()})
    if outside := [name for name in names if Path(name).name != name]:
        raise ModelError(f"{folder / INDEX} names a file outside the folder: {outside[0]!r}")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ModelError(
            f"{folder} lacks the weight files {', '.join(missing)}; finish the download"
        )
    return [folder / name for name in names]


def _without_weights(folder: Path) -> str:
    if any(folder.glob("*.bin")) or any(folder.glob("*.pth")) or any(folder.glob("*.pt")):
        return (
            f"{folder} holds pickled weights only, which can run code; convert them to safetensors"
        )
    return f"{folder} has neither {SINGLE} nor {INDEX}; download the model's safetensors"


def _read_shard(path: Path) -> Iterator[tuple[str, Tensor]]:
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise ModelError(
                f"{path} is a git-lfs pointer, not the weights; run `git lfs pull` in its folder"
            )
    try:
        with safe_open(path, framework="pt", device="cpu") as shard:
            for name in shard.keys():  # noqa: SIM118 - not a mapping: it cannot be iterated
                yield name, shard.get_tensor(name)
    except SafetensorError as error:
        raise ModelError(f"{path} is truncated or damaged ({error}); download it again") from error
