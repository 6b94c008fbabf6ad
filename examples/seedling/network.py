"""The network: a small Llama, with Hugging Face's parameter names, shaped for fast training on short rows.

    network = Network(Shape())
    loss, weight = network.loss(tokens, weights)      # tokens int64 [rows, length + 1], weights float [rows, length]
    network.save(folder)                              # loads as LlamaForCausalLM

Everything but attention works on flat [tokens, hidden] tensors, so one compiled version serves every row length.
Nothing here knows of tasks or tokenizers.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network. The default has 7.3 million parameters."""

    vocab: int = 4096
    hidden: int = 256
    layers: int = 8
    heads: int = 8
    kv_heads: int = 4
    head_dim: int = 32
    intermediate: int = 768
    context: int = 1024
    theta: float = 10000.0


def config_of(shape: Shape) -> dict[str, object]:
    """The config.json that Hugging Face libraries and Trellis read."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocab,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.context,
        "rope_theta": shape.theta,
        "rms_norm_eps": EPS,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": [3, 1],
        "pad_token_id": 0,
        "dtype": "bfloat16",
    }


class Attention(nn.Module):
    """The four projections of one layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        q, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.hidden, q, bias=False)
        self.k_proj = nn.Linear(shape.hidden, kv, bias=False)
        self.v_proj = nn.Linear(shape.hidden, kv, bias=False)
        self.o_proj = nn.Linear(q, shape.hidden, bias=False)


class Mlp(nn.Module):
    """The three projections of a gated feed-forward layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.down_proj = nn.Linear(shape.intermediate, shape.hidden, bias=False)


class Norm(nn.Module):
    """The gain of an RMS norm."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))


class Layer(nn.Module):
    """One decoder layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = Norm(shape.hidden)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = Norm(shape.hidden)
        self.mlp = Mlp(shape)


class Body(nn.Module):
    """Embedding, layers, final norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.hidden)


# The compiled parts. They take weights as arguments, so that one compilation serves all layers. Products run in `low`,
# the residual stream, norms and rotations in float32.


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding, half-split form. x [tokens, heads, dim]; cos, sin [tokens, 1, dim / 2]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


def before_attention(
    x: Tensor,
    norm: Tensor,
    products: tuple[Tensor, ...],
    rope: tuple[Tensor, Tensor],
    low: torch.dtype,
) -> tuple[Tensor, Tensor, Tensor]:
    """x [tokens, hidden] float32 -> q, k, v, each [tokens, heads, dim]; k and v repeated to all heads."""
    dim = rope[0].shape[-1] * 2
    sizes = [w.shape[0] for w in products]
    q, k, v = F.linear(_norm(x, norm).to(low), torch.cat(products).to(low)).split(sizes, dim=-1)
    q, k, v = (t.unflatten(-1, (-1, dim)) for t in (q, k, v))
    q, k = _rotate(q, *rope).to(low), _rotate(k, *rope).to(low)
    group = q.shape[1] // k.shape[1]
    return q, k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)


def after_attention(x: Tensor, mixed: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
    """Output projection and feed-forward. x [tokens, hidden] float32; mixed [tokens, heads * dim]."""
    out, norm, gate, up, down = weights
    low = mixed.dtype
    x = x + F.linear(mixed, out.to(low)).float()
    y = _norm(x, norm).to(low)
    y = F.linear(F.silu(F.linear(y, gate.to(low))) * F.linear(y, up.to(low)), down.to(low))
    return x + y.float()


def weighted_loss(
    x: Tensor, norm: Tensor, embedding: Tensor, targets: Tensor, weights: Tensor, low: torch.dtype
) -> Tensor:
    """Sum over tokens of weight * cross entropy, in float32."""
    logits = F.linear(_norm(x, norm).to(low), embedding.to(low)).float()
    return (F.cross_entropy(logits, targets, reduction="none") * weights).sum()


class Network(nn.Module):
    """The whole model. `low` is the type of products: bfloat16 on a GPU, float32 on a CPU."""

    def __init__(self, shape: Shape, low: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.shape, self.low = shape, low
        self.model = Body(shape)
        self.before, self.after, self.measure = before_attention, after_attention, weighted_loss
        self._tables: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._initialise()

    def _initialise(self) -> None:
        scale = (2 * self.shape.layers) ** -0.5  # keeps the residual stream's size over depth
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                closing = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, std=0.02 * (scale if closing else 1.0))

    def compile(self) -> None:
        """Fuse the parts between attentions. Worth it on a GPU only."""
        self.before = torch.compile(before_attention, dynamic=False)
        self.after = torch.compile(after_attention, dynamic=False)
        self.measure = torch.compile(weighted_loss, dynamic=False)

    def plain(self) -> "Network":
        """The same weights without compiled parts, whose fixed sizes do not suit decoding."""
        copy = Network(self.shape, self.low).to(self.model.norm.weight.device)
        copy.load_state_dict(self.state_dict())
        return copy

    def rope(self, rows: int, length: int) -> tuple[Tensor, Tensor]:
        """cos and sin, [rows * length, 1, dim / 2]."""
        if (rows, length) not in self._tables:
            device = self.model.norm.weight.device
            half = torch.arange(0, self.shape.head_dim, 2, device=device, dtype=torch.float32)
            frequency = self.shape.theta ** (-half / self.shape.head_dim)
            angle = torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequency
            angle = angle.repeat(rows, 1)[:, None, :]
            self._tables[rows, length] = (angle.cos(), angle.sin())
        return self._tables[rows, length]

    def hidden(self, tokens: Tensor) -> Tensor:
        """tokens [rows, length] -> [rows * length, hidden], before the final norm."""
        rows, length = tokens.shape
        rope = self.rope(rows, length)
        x = self.model.embed_tokens(tokens.flatten()).float()
        for layer in self.model.layers:
            assert isinstance(layer, Layer)
            x = self._layer(layer, x, (rows, length), rope)
        return x

    def _layer(
        self, layer: Layer, x: Tensor, size: tuple[int, int], rope: tuple[Tensor, Tensor]
    ) -> Tensor:
        at, mlp = layer.self_attn, layer.mlp
        products = (at.q_proj.weight, at.k_proj.weight, at.v_proj.weight)
        qkv = self.before(x, layer.input_layernorm.weight, products, rope, self.low)
        q, k, v = (t.unflatten(0, size).transpose(1, 2) for t in qkv)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        mixed = mixed.transpose(1, 2).reshape(x.shape[0], -1)
        norm = layer.post_attention_layernorm.weight
        weights = (
            at.o_proj.weight,
            norm,
            mlp.gate_proj.weight,
            mlp.up_proj.weight,
            mlp.down_proj.weight,
        )
        return self.after(x, mixed, weights)

    def logits(self, tokens: Tensor) -> Tensor:
        """tokens [rows, length] -> float32 [rows, length, vocabulary]."""
        x = _norm(self.hidden(tokens), self.model.norm.weight).to(self.low)
        made = F.linear(x, self.model.embed_tokens.weight.to(self.low)).float()
        return made.view(*tokens.shape, -1)

    def loss(self, tokens: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Weighted mean loss of predicting tokens[:, 1:], and the sum of the weights."""
        x = self.hidden(tokens[:, :-1].contiguous())
        total, flat = weights.sum(), weights.flatten()
        norm, embedding = self.model.norm.weight, self.model.embed_tokens.weight
        return self.measure(
            x, norm, embedding, tokens[:, 1:].flatten(), flat, self.low
        ) / total, total

    @torch.inference_mode()
    def continue_greedily(
        self, prompts: list[list[int]], most: int, stops: frozenset[int]
    ) -> list[list[int]]:
        """Up to `most` likeliest tokens behind each prompt, ended before a stop token. Keeps no cache."""
        device = self.model.norm.weight.device
        width = -(-(max(map(len, prompts)) + most) // 64) * 64
        tokens = torch.zeros(len(prompts), width, dtype=torch.long, device=device)
        for row, prompt in enumerate(prompts):
            tokens[row, : len(prompt)] = torch.tensor(prompt)
        rows = torch.arange(len(prompts), device=device)
        ends = torch.tensor([len(p) for p in prompts], device=device)
        done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
        stopping = torch.tensor(sorted(stops), device=device)
        for _ in range(most):
            used = -(-int(ends.max()) // 64) * 64  # few widths, little wasted work
            x = self.hidden(tokens[:, :used]).view(len(prompts), used, -1)[rows, ends - 1]
            logits = F.linear(_norm(x, self.model.norm.weight), self.model.embed_tokens.weight)
            best = logits.argmax(-1)
            done |= torch.isin(best, stopping)
            if bool(done.all()):
                break
            tokens[rows, ends] = torch.where(done, tokens[rows, ends], best)
            ends = torch.where(done, ends, ends + 1)
        final = ends.tolist()
        return [tokens[i, len(p) : final[i]].tolist() for i, p in enumerate(prompts)]

    def save(self, folder: Path) -> None:
        """Write config.json, generation_config.json and model.safetensors (bfloat16)."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {
            name: w.detach().to("cpu", torch.bfloat16) for name, w in self.state_dict().items()
        }
        save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
        (folder / "model.safetensors").chmod(0o644)
        (folder / "config.json").write_text(json.dumps(config_of(self.shape), indent=2) + "\n")
        generation = {"eos_token_id": [3, 1], "pad_token_id": 0, "do_sample": False}
        (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")

    def load(self, folder: Path) -> None:
        """Read weights that `save` wrote; every name must be there."""
        self.load_state_dict(load_file(str(folder / "model.safetensors")))


def describe(shape: Shape) -> dict[str, object]:
    """The shape as plain values, for logs."""
    return asdict(shape)
