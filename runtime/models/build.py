"""build_model: from a config to a model whose parameters wait to be filled.

    model = build_model(config, Placement(device, dtype), max_positions=4096)
    load_weights(model, folder)          # or fill_dummy(model)

It refuses to know the classes: the registry names them, and only the wanted one is imported.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Protocol

from torch import Tensor

from ..errors import ModelError
from ..layers.attend import Attend
from ..layers.linear import Linear
from ..layers.placement import Placement
from .config import ModelConfig
from .registry import FAMILIES


class Model(Protocol):
    """What a runner and a loader know of a model."""

    config: ModelConfig
    tied: Mapping[str, str]

    def parameters(self) -> dict[str, Tensor]:
        """Every tensor of the checkpoint, by its name there, as the view that is to be filled with it."""
        ...

    def linears(self) -> Iterator[Linear]:
        """Every product with a weight that a step computes."""
        ...

    def forward(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """tokens, positions int64 [tokens] -> hidden [tokens, hidden], after the last norm."""
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [samples, hidden] -> [samples, vocab], in the model's dtype."""
        ...


def build_model(config: ModelConfig, place: Placement, max_positions: int | None = None) -> Model:
    """The model of this config, its parameters not yet filled, for texts of up to `max_positions` tokens.

    Absent, that is the config's own limit. Raises ModelError for more positions than the model is meant for.
    """
    positions = config.max_context if max_positions is None else max_positions
    if positions > config.max_context:
        raise ModelError(
            f"the model takes {config.max_context} tokens of context, {positions} were asked for"
        )
    module, name = FAMILIES[config.architecture].model.split(":")
    return getattr(import_module(f".{module}", __package__), name)(config, place, positions)
