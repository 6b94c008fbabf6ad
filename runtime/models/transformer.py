"""Transformer: the decoder that Llama, Mistral, Qwen2 and Qwen3 share; their configs say where they differ.

    x = x + out(attend(rope(norm(qkv(rms_norm(x))))))
    x = x + down(silu(gate) * up), gate and up of rms_norm(x)

q, k and v are one product, gate and up another. Each norm is fused with the addition before it, so a layer hands the
next one the residual and its normalised input. About ten calls a layer: at one token that, not arithmetic, is the cost.
It refuses to know where KV lives (see Attend), how weights are stored, and which rows its tokens belong to.
"""

from collections.abc import Iterator, Mapping

from torch import Tensor
from torch.nn.functional import embedding

from ...kernels.activation import silu_mul
from ...kernels.norm import add_rms_norm, rms_norm
from ...kernels.rope import rope
from ...kernels.rope_write import Rotation
from ..layers.attend import Attend, RotatingAttend
from ..layers.linear import Linear
from ..layers.placement import Placement
from ..layers.rope import rope_table
from .config import ModelConfig


class Attention:
    """qkv product, optional norm of each head, rotation, attend, output product."""

    __slots__ = ("eps", "heads", "k_norm", "kv_heads", "out", "q_norm", "qkv", "sizes")

    def __init__(self, config: ModelConfig, place: Placement) -> None:
        self.heads = (config.heads, config.head_dim)
        self.kv_heads = (config.kv_heads, config.head_dim)
        q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.sizes = [q, kv, kv]
        self.qkv = Linear.allocate(config.hidden, q + 2 * kv, place, config.qkv_bias)
        self.out = Linear.allocate(q, config.hidden, place, config.out_bias)
        self.q_norm = place.empty(config.head_dim) if config.qk_norm else None
        self.k_norm = place.empty(config.head_dim) if config.qk_norm else None
        self.eps = config.norm_eps

    def __call__(
        self, x: Tensor, positions: Tensor, table: Tensor, attend: Attend, layer: int
    ) -> Tensor:
        """x [tokens, hidden], normalised -> [tokens, hidden]."""
        q, k, v = self.qkv(x).split(self.sizes, dim=1)
        q, k, v = (
            q.unflatten(1, self.heads),
            k.unflatten(1, self.kv_heads),
            v.unflatten(1, self.kv_heads),
        )
        if isinstance(attend, RotatingAttend):
            rotation = Rotation(positions, table, self.norms)
            return self.out(attend.rotate(layer, q, k, v, rotation).flatten(1))
        if self.norms is not None:
            q_norm, k_norm, eps = self.norms
            q, k = rms_norm(q, q_norm, eps), rms_norm(k, k_norm, eps)
        rope(q, k, positions, table)
        return self.out(attend(layer, q, k, v).flatten(1))

    @property
    def norms(self) -> tuple[Tensor, Tensor, float] | None:
        """Weights that queries and keys are normed with, and epsilon; None where they are not."""
        if self.q_norm is None or self.k_norm is None:
            return None
        return self.q_norm, self.k_norm, self.eps

    def parameters(self, name: str) -> dict[str, Tensor]:
        parts = dict(
            zip((f"{name}.q_proj", f"{name}.k_proj", f"{name}.v_proj"), self.sizes, strict=True)
        )
        named = self.qkv.named_parts(parts) | self.out.named(f"{name}.o_proj")
        if self.q_norm is not None and self.k_norm is not None:
            named |= {f"{name}.q_norm.weight": self.q_norm, f"{name}.k_norm.weight": self.k_norm}
        return named


class Mlp:
    """down(silu(gate) * up), gate and up in one product."""

    __slots__ = ("down", "gate_up", "intermediate")

    def __init__(self, config: ModelConfig, place: Placement) -> None:
        self.intermediate = config.intermediate
        self.gate_up = Linear.allocate(
            config.hidden, 2 * config.intermediate, place, config.mlp_bias
        )
        self.down = Linear.allocate(config.intermediate, config.hidden, place, config.mlp_bias)

    def __call__(self, x: Tensor) -> Tensor:
        """x [tokens, hidden], normalised -> [tokens, hidden]."""
        return self.down(silu_mul(self.gate_up(x)))

    def parameters(self, name: str) -> dict[str, Tensor]:
        parts = {f"{name}.gate_proj": self.intermediate, f"{name}.up_proj": self.intermediate}
        return self.gate_up.named_parts(parts) | self.down.named(f"{name}.down_proj")


class Layer:
    """Attention, then MLP; `norm` belongs to the attention, `mlp_norm` to the MLP."""

    __slots__ = ("attention", "mlp", "mlp_norm", "norm")

    def __init__(self, config: ModelConfig, place: Placement) -> None:
        self.norm = place.empty(config.hidden)
        self.attention = Attention(config, place)
        self.mlp_norm = place.empty(config.hidden)
        self.mlp = Mlp(config, place)

    def parameters(self, name: str) -> dict[str, Tensor]:
        norms = {
            f"{name}.input_layernorm.weight": self.norm,
            f"{name}.post_attention_layernorm.weight": self.mlp_norm,
        }
        return (
            norms
            | self.attention.parameters(f"{name}.self_attn")
            | self.mlp.parameters(f"{name}.mlp")
        )


class Transformer:
    """A decoder-only model. `tied`: names a checkpoint may repeat, each with the parameter it must equal."""

    def __init__(self, config: ModelConfig, place: Placement, max_positions: int) -> None:
        self.config = config
        self.embed = place.empty(config.vocab, config.hidden)
        self.layers = [Layer(config, place) for _ in range(config.layers)]
        self.norm = place.empty(config.hidden)
        self.head = (
            Linear(self.embed)
            if config.tie
            else Linear.allocate(config.hidden, config.vocab, place)
        )
        self.tied: Mapping[str, str] = (
            {"lm_head.weight": "model.embed_tokens.weight"} if config.tie else {}
        )
        self.table = rope_table(config.rope, max_positions, place.device)
        # The norm that follows each MLP: the next layer's first, and the last one at the end.
        self._next_norms = [layer.norm for layer in self.layers[1:]] + [self.norm]

    def forward(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """tokens, positions int64 [tokens] -> hidden [tokens, hidden], after the last norm."""
        eps, table = self.config.norm_eps, self.table
        residual = embedding(tokens, self.embed)
        x = rms_norm(residual, self.layers[0].norm, eps)
        for index, (layer, next_norm) in enumerate(zip(self.layers, self._next_norms, strict=True)):
            x = layer.attention(x, positions, table, attend, index)
            x = add_rms_norm(x, residual, layer.mlp_norm, eps)
            x = add_rms_norm(layer.mlp(x), residual, next_norm, eps)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [samples, hidden] -> [samples, vocab], in the model's dtype."""
        return self.head(hidden)

    def linears(self) -> Iterator[Linear]:
        """Every product with a weight that a step computes."""
        for layer in self.layers:
            yield from (layer.attention.qkv, layer.attention.out, layer.mlp.gate_up, layer.mlp.down)
        yield self.head

    def parameters(self) -> dict[str, Tensor]:
        """Every tensor of the checkpoint, by its name there, as the view that is to be filled with it."""
        named = {"model.embed_tokens.weight": self.embed, "model.norm.weight": self.norm}
        for index, layer in enumerate(self.layers):
            named |= layer.parameters(f"model.layers.{index}")
        return named if self.config.tie else named | self.head.named("lm_head")
