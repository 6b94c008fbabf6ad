"""Which architectures can be run: one line each.

    family = FAMILIES["Qwen3ForCausalLM"]

The class is named, not imported: reading a config must not need torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Family:
    """What distinguishes one architecture from its relatives.

    model: "module:class" in this folder. qkv_bias: q, k and v always have a bias. qk_norm: each head's query and key is
    normalised before it is rotated. bias_field: config field that gives the projections of attention a bias.
    window: whether a `sliding_window` in the config holds for all layers, for those the config selects, or for none.
    """

    model: str
    qkv_bias: bool = False
    qk_norm: bool = False
    bias_field: str | None = None
    window: Literal["all", "selected", "none"] = "none"


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "LlamaForCausalLM": Family("transformer:Transformer", bias_field="attention_bias"),
        "MistralForCausalLM": Family("transformer:Transformer", window="all"),
        "Qwen2ForCausalLM": Family("transformer:Transformer", qkv_bias=True, window="selected"),
        "Qwen3ForCausalLM": Family(
            "transformer:Transformer", qk_norm=True, bias_field="attention_bias", window="selected"
        ),
    }
)
