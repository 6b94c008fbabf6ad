"""Opening an engine: from a config to a client that answers.

    client = open_client(EngineConfig(model=folder))      # loads, sizes the KV pool, starts the engine's thread
    backend = open_engine(folder, max_running=64)         # the same, as the language's backend
    backend.close()

What is slow: reading the weights; importing torch, which is why the language imports this only when it is needed.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..constrained.compiling.compiler import Compiler
from ..constrained.compiling.folder import GrammarFolder
from ..constrained.compiling.workers import Processes
from ..constrained.limits import Limits as ConstraintLimits
from ..constrained.tokens.vocabulary import Vocabulary
from ..kernels.attention.shape import AttentionShape
from ..kernels.attention.space import AttentionSpace
from ..lang.backends.local import LocalBackend
from ..radix.tree import RadixTree
from .ahead import StepSizes
from .bundled import BUNDLED
from .chat import ChatTemplate
from .client import Client, Resources
from .config import EngineConfig
from .cores import count_cores
from .engine import Engine
from .errors import ConfigError, ModelError
from .layers.placement import Placement
from .layers.products import choose_products
from .memory.cache import PrefixCache
from .memory.pages import Pages
from .memory.pools import Pool, PoolShape, fit_tokens
from .models.build import Model, build_model
from .models.config import ModelConfig, read_config
from .plan import Limits
from .scheduler import Scheduler
from .tokenizer import Tokenizer
from .weights.dummy import fill_dummy
from .weights.load import load_weights
from .worker.attend import Attention
from .worker.grammars import GrammarArena
from .worker.rows import Rows
from .worker.runner import Decoder, Parts, Runner
from .worker.sampler import Sampler

if TYPE_CHECKING:
    from ..kernels.cpu.decoder import Coming

PAGE_SIZE = 16
LEAST_TOKENS = 256
# A step of some rows on a GPU takes about twice as long with so much of a prompt beside them.
BESIDE_TOKENS = 128
# Above so many tokens a GPU's products take longer for each tile of tokens; graphs come in these sizes too.
STEP_SIZES = StepSizes(flat=256, stride=64)
# What a GPU may take at the start to compile and capture what its first steps need.
WARM_SECONDS = 30.0
# What masks may take that are kept, each a bit a token: some hundred for each of 256 grammars.
MASK_BYTES = 1 << 30
CPU_MASK_BYTES = 8 << 20
LEAST_MASKS = 1024
MOST_MASKS = 65_536
CPU_KV_TOKENS = 131_072
# Copies of weights that a CPU reads faster may take this much.
PACKED_BYTES = 1 << 30
# The products of a smaller model are over before a second thread has joined in.
ONE_THREAD_BYTES = 64 << 20
# Native code shares phases of some ten microseconds, which are too short for more.
MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the device decides where the config leaves it open. step_tokens; grammar_bytes; mask_rows."""

    step_tokens: int
    grammar_bytes: int
    mask_rows: int

    @classmethod
    def of(cls, config: EngineConfig, device: torch.device, vocabulary: int) -> "Sizes":
        """Sizes for this device and so many tokens, the config's own first."""
        gpu = device.type == "cuda"
        masks = (MASK_BYTES if gpu else CPU_MASK_BYTES) // (-(-vocabulary // 32) * 4)
        return cls(
            config.max_step_tokens or (8192 if gpu else 512),
            config.grammar_bytes or (512 << 20 if gpu else 64 << 20),
            config.mask_rows or min(max(masks, LEAST_MASKS), MOST_MASKS),
        )


def open_engine(model: str | None = None, **options: Any) -> LocalBackend:
    """A local backend over a new engine. Options are the fields of EngineConfig.

    Raises ConfigError and ModelError, with the remedy.
    """
    return LocalBackend(open_client(EngineConfig.of(model=model, **options)))


def open_client(config: EngineConfig) -> Client:
    """Loads the model and starts an engine. Raises ConfigError and ModelError, with the remedy."""
    device = _device(config.device)
    folder = Path(config.model) if config.model is not None else BUNDLED
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {folder}: give a local Hugging Face folder")
    model_config = read_config(folder)
    place = Placement(device, _dtype(config.dtype, model_config, device))
    coming = _begin_decoder(config, model_config, place)
    tokenizer = Tokenizer.from_folder(folder)
    context = min(config.context or model_config.max_context, model_config.max_context)
    model = build_model(model_config, place, context)
    if config.load == "dummy":
        fill_dummy(model)
    else:
        load_weights(model, folder)
    choose_products(model.linears())
    torch.set_num_threads(_threads(config, model))
    eos_ids = model_config.eos_ids or tokenizer.eos_ids
    tokens = [*tokenizer.token_bytes] + [None] * (model_config.vocab - tokenizer.size)
    vocabulary = Vocabulary(tokens[: model_config.vocab], eos_ids, tokenizer.specials)
    runner, pages, step_tokens = _open_runner(config, model, vocabulary, context, coming)
    limits = Limits(
        config.max_running, config.max_waiting, step_tokens, context, config.max_wait_seconds,
        config.beside_tokens or (BESIDE_TOKENS if device.type == "cuda" else None),
        STEP_SIZES if device.type == "cuda" else None,
    )  # fmt: skip
    cache = PrefixCache(RadixTree(PAGE_SIZE), Pages(pages))
    engine = Engine(Scheduler(cache, limits, time.monotonic), runner)
    runner.warm(WARM_SECONDS)
    # The compiler comes last: where it has processes, they must not be left behind.
    resources = Resources(
        tokenizer=tokenizer,
        template=ChatTemplate.from_folder(folder, tokenizer),
        compiler=_open_compiler(config, vocabulary, tokenizer),
        context=context,
        vocab_size=model_config.vocab,
        eos_ids=eos_ids,
    )
    engine.start()
    return Client(engine, resources)


def _open_compiler(config: EngineConfig, vocabulary: Vocabulary, tokenizer: Tokenizer) -> Compiler:
    limits = ConstraintLimits()
    workers, kept = None, config.grammar_folder
    if config.compile_workers:
        workers = Processes(config.compile_workers, limits, vocabulary.special_texts)
    try:
        folder = GrammarFolder(Path(kept).expanduser()) if kept is not None else None
    except (ValueError, OSError) as error:
        raise ConfigError(f"grammar_folder cannot be used: {error}") from error
    return Compiler(vocabulary, tokenizer.continue_with, limits, workers, folder)


def _open_runner(
    config: EngineConfig,
    model: Model,
    vocabulary: Vocabulary,
    context: int,
    coming: "Coming | None",
) -> tuple[Runner, int, int]:
    """The runner, the pages of its pool, and the tokens of one step."""
    parameter = next(iter(model.parameters().values()))
    device, dtype = parameter.device, parameter.dtype
    shape = model.config
    sizes = Sizes.of(config, device, vocabulary.size)
    rows = Rows(config.max_running, -(-context // PAGE_SIZE), device)
    arena = GrammarArena(
        device, vocabulary, config.max_running, sizes.grammar_bytes, sizes.mask_rows
    )
    if config.native and device.type == "cpu":
        arena.use_native()
    sampler = Sampler(config.max_running, shape.vocab, device, arena)
    stored = _kv_dtype(config.kv_dtype, dtype, device)
    attention_shape = AttentionShape(
        shape.heads, shape.kv_heads, shape.head_dim, dtype, PAGE_SIZE, stored
    )
    windows = shape.window or (None,) * shape.layers
    widest = None if None in windows else max(w for w in windows if w is not None)
    space = AttentionSpace.create(attention_shape, 2 * config.max_running, context, device, widest)
    pool_shape = PoolShape(shape.layers, shape.kv_heads, shape.head_dim, PAGE_SIZE, stored)
    free = _free_bytes(config, model, sizes.step_tokens)
    wanted = config.kv_tokens
    if wanted is None and device.type == "cpu":
        wanted = min(CPU_KV_TOKENS, free // pool_shape.page_bytes * PAGE_SIZE)
    pages = fit_tokens(pool_shape, free, wanted, LEAST_TOKENS) // PAGE_SIZE + 1
    pool = Pool(pool_shape, pages, device)
    attention = Attention(pool, space, shape.head_dim**-0.5, windows, config.share)
    decoder = _open_decoder(config, model, pool, coming)
    if decoder is None:
        _pack(model)
    parts = Parts(model, pool, rows, attention, arena, sampler, decoder)
    return Runner(parts, config.graphs), pages, sizes.step_tokens


def _threads(config: EngineConfig, model: Model) -> int:
    """CPU threads of the process: the config's, else one for a small model on a CPU, else what torch has."""
    if config.threads is not None:
        return config.threads
    parameters = model.parameters().values()
    nbytes = sum(p.nbytes for p in parameters if p.device.type == "cpu")
    return 1 if 0 < nbytes <= ONE_THREAD_BYTES else torch.get_num_threads()


def _begin_decoder(config: EngineConfig, model: ModelConfig, place: Placement) -> "Coming | None":
    """Starts compiling the model's native form, where it has one; it reads keys in float32."""
    if not config.native or place.device.type != "cpu" or config.kv_dtype != "auto":
        return None
    # Here, as a GPU needs no compiler for a CPU.
    from .models.native import begin

    return begin(model, place, PAGE_SIZE)


def _open_decoder(
    config: EngineConfig, model: Model, pool: Pool, coming: "Coming | None"
) -> Decoder | None:
    """The model's native form, over the config's threads or a few of those that the process may use."""
    if coming is None:
        return None
    from .models.native import open_decoder

    threads = config.threads or min(count_cores(), MOST_THREADS)
    return open_decoder(coming, model, pool.data, threads)


def _pack(model: Model) -> None:
    """Packs what fits into PACKED_BYTES, layer by layer; a packed weight is a second copy."""
    left = PACKED_BYTES
    for linear in model.linears():
        left -= linear.weight.nbytes
        if left < 0:
            return
        linear.pack()


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device must be auto, cpu or cuda[:N], got {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device={name!r}, but torch sees no GPU: use device='cpu'")
    return device


def _dtype(name: str, model: ModelConfig, device: torch.device) -> torch.dtype:
    """The dtype asked for; by itself float32 on a CPU, which computes it fastest, and the model's own on a GPU."""
    if name == "auto":
        name = "float32" if device.type == "cpu" else model.dtype
    return getattr(torch, name)


def _kv_dtype(name: str, dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """The dtype of keys and values; ConfigError where eight bits are asked for and cannot be had."""
    if name == "auto":
        return dtype
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 9):
        raise ConfigError(
            "kv_dtype='fp8' needs a GPU of compute capability 8.9 or above: use kv_dtype='auto'"
        )
    return torch.float8_e4m3fn


def _free_bytes(config: EngineConfig, model: Model, step_tokens: int) -> int:
    """Bytes that KV may take: what is free once weights and a step's largest activations have theirs."""
    parameter = next(iter(model.parameters().values()))
    if parameter.device.type == "cpu":
        return int(
            os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * config.memory_fraction
        )
    device = parameter.device
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    with torch.inference_mode():
        tokens = torch.zeros(step_tokens, dtype=torch.int64, device=device)
        hidden = model.forward(tokens, tokens, lambda layer, q, k, v: torch.empty_like(q))
        logits = model.logits(hidden[: config.max_running])
        logits.float().softmax(-1)
    torch.cuda.synchronize(device)
    used = torch.cuda.max_memory_allocated(device) - before
    del tokens, hidden, logits
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    reserve = int(total * (1 - config.memory_fraction))
    return max(0, free - used - reserve)
