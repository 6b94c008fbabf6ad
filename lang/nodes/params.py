"""SamplingParams: everything one generation may be asked for, in one frozen, validated place.

    params = SamplingParams(max_tokens=64, temperature=0.0)
    params.merged(stop=("\\n",))          # a copy with fields replaced, validated again

There is no second copy of these fields anywhere: the language builds it, the engine reads it, the server parses
into it. It refuses to know about constraints, tools, prompts and providers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeGuard, cast

from ..errors import InvalidParams
from ..near import near

MAX_NAMESPACE = 1024
MAX_STOPS = 16
MAX_STOP_CHARS = 1024
MAX_N = 128
MAX_TOP_LOGPROBS = 20
MAX_BIASES = 1024
HUGE = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """Options of one generation.

    max_tokens: most tokens to generate; None means up to the model's context.
    min_tokens: end of text and stops are not allowed before this many tokens.
    temperature: 0 is greedy; otherwise logits are divided by it.
    top_p, top_k, min_p: keep the smallest set of tokens with this much probability, the k likeliest
        tokens (None: all), the tokens at least min_p times as likely as the likeliest.
    repetition_penalty: divides (positive) or multiplies (negative) logits of tokens already seen in prompt or output.
    frequency_penalty, presence_penalty: subtracted per occurrence, and once, for tokens already generated.
    seed: makes sampling repeatable; draws are keyed by (seed, position), so batch mates do not matter.
    stop, stop_token_ids, stop_regex: end the text before this string, at this token, where this regex matches.
    ignore_eos: treat the end-of-text token as any other.
    logit_bias: added to the logits of these token ids.
    n: number of independent answers.
    logprobs: report the log-probability of each generated token; top_logprobs: also of the likeliest k.
    adapter: name of a LoRA adapter; priority: larger goes first; timeout: seconds until the request is ended.
    namespace: prefixes are shared inside a namespace only; keep: keep the computed prefix for a follow-up.

    >>> tr.SamplingParams(max_tokens=8).merged(temperature=0.5).max_tokens
    8
    """

    max_tokens: int | None = 256
    min_tokens: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int | None = None
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    stop_regex: str | None = None
    ignore_eos: bool = False
    logit_bias: tuple[tuple[int, float], ...] = ()
    n: int = 1
    logprobs: bool = False
    top_logprobs: int = 0
    adapter: str | None = None
    priority: int = 0
    timeout: float | None = None
    namespace: str = ""
    keep: bool = False

    def __post_init__(self) -> None:
        for name in ("stop", "stop_token_ids", "logit_bias"):
            object.__setattr__(self, name, _as_tuple(name, getattr(self, name)))
        _check_counts(self)
        _check_numbers(self)
        _check_words(self)
        _check_stops(self)
        _check_biases(self)

    def merged(self, **changes: Any) -> "SamplingParams":
        """This with the given fields replaced. Raises InvalidParams for unknown or unusable ones."""
        known = {f.name for f in fields(self)}
        if unknown := sorted(set(changes) - known):
            meant, names = near(unknown[0], known), ", ".join(sorted(known))
            raise InvalidParams(f"unknown sampling parameter {unknown[0]!r}{meant}; known: {names}")
        return replace(self, **changes)

    def lasting(self, seconds: float | None) -> "SamplingParams":
        """This for a call that keeps its prefix and ends after so many seconds (positive; None: when it is done).

        The other fields are valid already, so nothing is checked again: every call of a program goes through here.
        """
        changed = object.__new__(SamplingParams)
        put = object.__setattr__
        for name in SamplingParams.__slots__:
            put(changed, name, getattr(self, name))
        put(changed, "keep", True)
        put(changed, "timeout", seconds)
        return changed


def _as_tuple(name: str, value: object) -> tuple[Any, ...]:
    if name == "logit_bias" and isinstance(value, Mapping):
        try:
            biases = cast(Mapping[Any, Any], value)
            pairs = [(int(k), float(v)) for k, v in biases.items()]
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidParams(f"logit_bias must map token ids to numbers: {error}") from error
        return tuple(sorted(pairs))
    if isinstance(value, str):
        return (value,)
    if isinstance(value, int) and name == "stop_token_ids" and not isinstance(value, bool):
        return (value,)
    if value is None:
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(cast(Iterable[Any], value))
    raise InvalidParams(f"{name} must be a list, got {type(value).__name__}")


def _check_counts(p: SamplingParams) -> None:
    lowest = {"max_tokens": 0, "min_tokens": 0, "top_k": 1, "n": 1, "top_logprobs": 0}
    highest = {"n": MAX_N, "top_logprobs": MAX_TOP_LOGPROBS}
    for name, low in lowest.items():
        value: Any = getattr(p, name)
        if value is None and name in ("max_tokens", "top_k"):
            continue
        if not _is_integer(value):
            raise InvalidParams(f"{name} must be an integer, got {value!r}")
        if value < low:
            raise InvalidParams(f"{name} must be at least {low}, got {value}")
        if value > highest.get(name, value):
            raise InvalidParams(f"{name} must be at most {highest[name]}, got {value}")
    if p.max_tokens is not None and p.min_tokens > p.max_tokens:
        raise InvalidParams(f"min_tokens {p.min_tokens} is above max_tokens {p.max_tokens}")
    if p.seed is not None and not _is_integer(p.seed):
        raise InvalidParams(f"seed must be an integer, got {p.seed!r}")
    if not _is_integer(p.priority):
        raise InvalidParams(f"priority must be an integer, got {p.priority!r}")


def _check_numbers(p: SamplingParams) -> None:
    ranges = {
        "temperature": (0.0, 100.0),
        "top_p": (0.0, 1.0),
        "min_p": (0.0, 1.0),
        "repetition_penalty": (0.01, 100.0),
        "frequency_penalty": (-100.0, 100.0),
        "presence_penalty": (-100.0, 100.0),
    }
    for name, (low, high) in ranges.items():
        value = getattr(p, name)
        if not _is_number(value):
            raise InvalidParams(f"{name} must be a finite number, got {value!r}")
        if not low <= value <= high:
            raise InvalidParams(f"{name} must be between {low} and {high}, got {value}")
    if p.top_p == 0:
        raise InvalidParams("top_p must be above 0; for greedy decoding use temperature=0")
    if p.timeout is not None and not (_is_number(p.timeout) and p.timeout > 0):
        raise InvalidParams(f"timeout must be a positive number of seconds, got {p.timeout!r}")


def _check_words(p: SamplingParams) -> None:
    for name in ("ignore_eos", "logprobs", "keep"):
        if not _is_a(getattr(p, name), bool):
            raise InvalidParams(f"{name} must be True or False, got {getattr(p, name)!r:.80}")
    if not _is_a(p.namespace, str):
        raise InvalidParams(f"namespace must be a text, got {p.namespace!r:.80}")
    if len(p.namespace) > MAX_NAMESPACE:
        raise InvalidParams(
            f"namespace has {len(p.namespace)} characters, at most {MAX_NAMESPACE} are allowed"
        )
    if p.adapter is not None and not (_is_a(p.adapter, str) and p.adapter):
        raise InvalidParams(f"adapter must be the name of an adapter, got {p.adapter!r:.80}")


def _check_stops(p: SamplingParams) -> None:
    if len(p.stop) > MAX_STOPS or len(p.stop_token_ids) > MAX_STOPS:
        raise InvalidParams(f"at most {MAX_STOPS} stops are allowed")
    for text in p.stop:
        if not _is_a(text, str) or not text or len(text) > MAX_STOP_CHARS:
            raise InvalidParams(
                f"each stop must be a string of 1 to {MAX_STOP_CHARS} characters, got {text!r:.80}"
            )
    for token in p.stop_token_ids:
        if not _is_integer(token) or token < 0:
            raise InvalidParams(f"stop_token_ids must be token ids, got {token!r:.80}")
    if p.stop_regex is not None:
        _check_stop_regex(p.stop_regex)


def _check_stop_regex(pattern: object) -> None:
    if not isinstance(pattern, str) or not 0 < len(pattern) <= MAX_STOP_CHARS:
        raise InvalidParams(
            f"stop_regex must be a pattern of 1 to {MAX_STOP_CHARS} characters, got {pattern!r:.80}"
        )
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidParams(
            f"stop_regex {pattern!r:.80} is no regular expression: {error}"
        ) from error


def _check_biases(p: SamplingParams) -> None:
    if len(p.logit_bias) > MAX_BIASES:
        raise InvalidParams(
            f"logit_bias takes at most {MAX_BIASES} entries, got {len(p.logit_bias)}"
        )
    for entry in p.logit_bias:
        if not (
            _is_a(entry, tuple)
            and len(entry) == 2
            and _is_integer(entry[0])
            and _is_number(entry[1])
        ):
            raise InvalidParams(
                f"logit_bias must map token ids to finite numbers, got {entry!r:.80}"
            )
        if entry[0] < 0:
            raise InvalidParams(f"logit_bias needs token ids from 0 up, got {entry[0]}")


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    # Comparing, unlike math.isfinite, also takes integers too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and -HUGE < value < HUGE


def _is_a(value: object, kind: type) -> bool:
    return isinstance(value, kind)
