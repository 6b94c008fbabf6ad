"""load_weights: a folder's tensors into a model's parameters.

    model = build_model(config, place)
    load_weights(model, folder)

Tensors stream from the files straight into views of the model's own tensors, on its device and in its dtype; merged
products are merged by where their views lie. Slow is the disk alone. It refuses to guess: a parameter without a tensor,
a tensor without a parameter, two tensors for one parameter or a wrong shape end the load with the names.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from ..errors import ModelError
from ..models.build import Model
from .files import read_tensors

# Older Llama checkpoints store these constants of the rotation; they follow from the config.
DERIVED = re.compile(r"\.rotary_emb\.(inv_freq|cos_cached|sin_cached)$")
SHOWN = 8


def load_weights(model: Model, folder: str | Path) -> None:
    """Fills every parameter of the model exactly once from the folder's safetensors.

    Raises ModelError, naming the tensors, where files are missing or damaged, or the checkpoint does not fit the model.
    """
    fill_parameters(model, read_tensors(Path(folder)))


@torch.inference_mode()
def fill_parameters(model: Model, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Fills every parameter exactly once from (name, tensor) pairs in any order. Raises as load_weights does."""
    parameters = model.parameters()
    waiting = dict(parameters)
    leftover: list[str] = []
    repeated: dict[str, Tensor] = {}
    for name, tensor in tensors:
        if name in waiting:
            _fill(name, waiting.pop(name), tensor)
        elif name in model.tied:
            repeated[name] = tensor
        elif name in parameters:
            raise ModelError(f"the checkpoint holds {name!r} twice")
        elif not DERIVED.search(name):
            leftover.append(name)
    if waiting:
        raise ModelError(
            f"the checkpoint lacks {_listed(waiting)}; is config.json of the same model?"
        )
    if leftover:
        raise ModelError(
            f"the model has no place for {_listed(leftover)}; is config.json of the same model?"
        )
    for name, tensor in repeated.items():
        _check_tied(name, model.tied[name], tensor, parameters)


def _fill(name: str, parameter: Tensor, tensor: Tensor) -> None:
    if not tensor.is_floating_point() or tensor.element_size() < 2:
        raise ModelError(
            f"{name!r} is {tensor.dtype}; quantised checkpoints are not supported, use the original one"
        )
    if tensor.shape != parameter.shape:
        raise ModelError(
            f"{name!r} has shape {list(tensor.shape)}, config.json calls for {list(parameter.shape)}"
        )
    parameter.copy_(tensor)


def _check_tied(name: str, twin: str, tensor: Tensor, parameters: dict[str, Tensor]) -> None:
    mine = parameters[twin]
    if tensor.shape != mine.shape or not torch.equal(tensor.to(mine), mine):
        raise ModelError(
            f"{name!r} differs from {twin!r}, but config.json ties them; set 'tie_word_embeddings' to false there"
        )


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more
