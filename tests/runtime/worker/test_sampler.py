"""The sampler as a whole: every feature against a plain oracle, rows together against rows alone."""

import math
from collections import Counter

import pytest
import torch

from trellis.constrained.grammar.place import Place
from trellis.kernels.sample import gumbel_noise, row_keys
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.worker.grammars import GrammarArena
from trellis.runtime.worker.sampler import Features, Sampler, features_of

SIZE = 50  # columns of the logits; the tiny vocabulary has 44 tokens


def make_sampler(vocabulary, device="cpu", rows=6) -> tuple[Sampler, GrammarArena]:
    device = torch.device(device)
    arena = GrammarArena(device, vocabulary, rows, 1 << 16, 16)
    return Sampler(rows, SIZE, device, arena), arena


def draw(sampler: Sampler, logits: torch.Tensor, rows: list[int], positions: list[int]):
    sampler.flush()
    sampler._arena.flush()
    device = logits.device
    return sampler.sample(
        logits,
        torch.tensor(rows, device=device),
        torch.tensor(positions, device=device),
        sampler.features(rows),
    )


class Oracle:
    """One row, in the words of the documentation."""

    def __init__(self, params, seed, prompt, grammar=None, state=0, vocabulary=None) -> None:
        self.params, self.seed, self.prompt = params, seed, set(prompt)
        self.first = len(prompt)
        self.output: Counter[int] = Counter()
        self.grammar, self.state, self.vocabulary = grammar, state, vocabulary

    def adjusted(self, logits: torch.Tensor, position: int) -> list[float]:
        p, x = self.params, logits.double().tolist()
        for t in self.prompt | set(self.output):
            x[t] = x[t] / p.repetition_penalty if x[t] > 0 else x[t] * p.repetition_penalty
        for t, times in self.output.items():
            x[t] -= p.frequency_penalty * times + p.presence_penalty
        for t, bias in p.logit_bias:
            x[t] += bias if t < SIZE else 0
        if position < self.first + p.min_tokens:
            for t in (*p.stop_token_ids, *(() if p.ignore_eos else self.vocabulary.eos_ids)):
                x[t] = -1e30
        if self.grammar is not None:
            allowed = self.grammar.allowed(self.vocabulary, self.state)
            x = [v if t in allowed else -math.inf for t, v in enumerate(x)]
        return x

    def choose(self, logits: torch.Tensor, position: int) -> int:
        p = self.params
        x = torch.tensor(self.adjusted(logits, position), dtype=torch.float64)
        if p.temperature == 0:
            return int(x.argmax())
        z = x / p.temperature
        if p.top_k is not None:
            z[z < z.sort(descending=True).values[min(p.top_k, SIZE) - 1]] = -math.inf
        probabilities = z.softmax(0)
        likelier = [probabilities[z > v].sum().item() for v in z]
        keep = [mass < p.top_p for mass in likelier]
        keep = [
            k and q >= p.min_p * probabilities.max()
            for k, q in zip(keep, probabilities, strict=True)
        ]
        low, high = (torch.tensor([self.seed >> s & 0xFFFFFFFF]) for s in (0, 32))
        keys = row_keys(low.int(), high.int(), torch.tensor([position]))
        noise = gumbel_noise(keys, SIZE)[0].double()
        return int(torch.where(torch.tensor(keep), z + noise, -math.inf).argmax())

    def take(self, token: int) -> None:
        self.output[token] += 1
        if self.grammar is not None and token not in self.vocabulary.eos_ids:
            self.state = self.grammar.step(self.state, self.vocabulary.tokens[token])


PARAMS = [
    SamplingParams(),
    SamplingParams(temperature=0.8, seed=1),
    SamplingParams(temperature=1.3, top_k=7, top_p=0.8, min_p=0.05),
    SamplingParams(repetition_penalty=1.5, frequency_penalty=0.4, presence_penalty=-0.3),
    SamplingParams(temperature=1.0, logit_bias=((3, 4.0), (9, 30.0), (49, -9.0)), min_tokens=4),
    SamplingParams(
        temperature=0.9, top_p=0.9, repetition_penalty=0.7, frequency_penalty=1.0, min_tokens=2,
        logit_bias=((1, 2.0), (2, -1.0)), stop_token_ids=(1, 7), ignore_eos=True,
    ),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_all_features_at_once(device, vocabulary, make_grammar, seed: int) -> None:
    torch.manual_seed(seed)
    sampler, arena = make_sampler(vocabulary, device)
    grammar = make_grammar("some", 5)
    oracles = {}
    for row, params in enumerate(PARAMS):
        constrained = (row + seed) % 2 == 0
        prompt = [(row * 5 + i * 3) % 44 for i in range(8)]
        state = 1 + row % 5
        oracles[row] = Oracle(
            params, 99 * seed - row << 20, prompt,
            grammar if constrained else None, state, vocabulary,
        )  # fmt: skip
        sampler.start_row(row, params, oracles[row].seed, prompt, len(prompt))
        if constrained:
            slot = arena.place(grammar)
            arena.acquire(slot)
            arena.set_row(row, slot, Place(state))
    for step in range(8):
        rows = torch.randperm(len(PARAMS)).tolist()
        logits = 2 * torch.randn(len(rows) + 2, SIZE)
        padded = [*rows, sampler.padding, sampler.padding]
        positions = [8 + step] * len(padded)
        drawn = draw(sampler, logits.to(device), padded, positions).tokens.tolist()
        expected = [oracles[row].choose(logits[i], 8 + step) for i, row in enumerate(rows)]
        assert drawn[: len(rows)] == expected
        for row, token in zip(rows, expected, strict=True):
            oracles[row].take(token)
            if oracles[row].grammar is not None:
                assert arena.place_of(row)[1] == Place(oracles[row].state)
    assert arena.place_of(sampler.padding) is None


def test_alone_is_together(vocabulary) -> None:
    sampler, _ = make_sampler(vocabulary)
    for row, params in enumerate(PARAMS):
        sampler.start_row(row, params, 5, [1, 2], 2)
    logits = torch.randn(6, SIZE)
    together = draw(sampler, logits, [*range(6)], [2] * 6).tokens.tolist()
    for row, params in enumerate(PARAMS):
        lonely, _ = make_sampler(vocabulary)
        lonely.start_row(3, params, 5, [1, 2], 2)
        assert draw(lonely, logits[row : row + 1], [3], [2]).tokens.tolist() == [together[row]]


def test_a_preempted_row_goes_on_where_it_was(vocabulary) -> None:
    """Output that comes back as tokens of a new start counts as output, forced tokens as well."""
    params = SamplingParams(frequency_penalty=1.5, repetition_penalty=1.2)
    whole, _ = make_sampler(vocabulary)
    whole.start_row(0, params, 0, [4, 5, 6], 3)
    logits = torch.randn(1, SIZE)
    output: list[int] = []
    for _ in range(6):
        token = draw(whole, logits, [0], [3 + len(output)]).tokens.item()
        whole.observe(0, [token, token, 11])
        output += [token, token, token, 11]
    again, _ = make_sampler(vocabulary)
    again.start_row(2, params, 0, [4, 5, 6, *output], 3)
    again.flush()
    whole.flush()
    assert again._counts[2].tolist() == whole._counts[0].tolist()
    position = 3 + len(output)
    first = draw(again, logits, [2], [position]).tokens
    assert first.equal(draw(whole, logits, [0], [position]).tokens)


def test_a_row_forgets_its_last_request(vocabulary) -> None:
    sampler, _ = make_sampler(vocabulary)
    logits = torch.zeros(1, SIZE)
    sampler.start_row(0, PARAMS[3], 0, [0, 0, 1], 2)
    sampler.start_row(1, PARAMS[4], 0, [0], 1)
    sampler.observe(0, [0, 0])
    sampler.start_row(0, PARAMS[3], 0, [2], 1)  # before anything was uploaded
    sampler.start_row(1, SamplingParams(logit_bias=((8, 1.0),)), 0, [0], 1)
    assert draw(sampler, logits, [1], [1]).tokens.tolist() == [8]
    assert sampler._counts[0].nonzero().tolist() == [[2]]
    draw(sampler, logits, [0], [1])
    sampler.start_row(0, PARAMS[3], 0, [3], 1)
    sampler.flush()
    assert sampler._counts[0].nonzero().tolist() == [[3]]


def test_logprobs_are_of_the_raw_model(device, vocabulary, make_grammar) -> None:
    sampler, arena = make_sampler(vocabulary, device)
    params = SamplingParams(
        temperature=2.0, top_k=3, presence_penalty=2.0, logprobs=True, top_logprobs=4
    )
    sampler.start_row(0, params, 3, [1, 5], 2)
    slot = arena.place(make_grammar("some", 2))
    arena.acquire(slot)
    arena.set_row(0, slot, Place(1))
    logits = torch.randn(1, SIZE, device=device)
    sampled = draw(sampler, logits, [0], [2])
    raw = logits.log_softmax(1)[0]
    torch.testing.assert_close(sampled.logprobs, raw[sampled.tokens.long()])
    assert sampled.top_ids.shape == (1, 5)
    torch.testing.assert_close(sampled.top_logprobs[0], raw.topk(5).values)
    assert sampled.top_ids[0].tolist() == raw.topk(5).indices.tolist()


def test_without_logprobs_there_are_none(vocabulary) -> None:
    sampler, _ = make_sampler(vocabulary)
    sampler.start_row(0, SamplingParams(), 0, [1], 1)
    sampled = draw(sampler, torch.randn(1, SIZE), [0], [1])
    assert sampled.logprobs is None and sampled.top_ids is None and sampled.top_logprobs is None


def test_a_ban_gives_way_where_nothing_else_is_allowed(vocabulary, make_grammar) -> None:
    """A finished grammar with min_tokens: only the end of text is allowed, so it is taken."""
    sampler, arena = make_sampler(vocabulary)
    grammar = make_grammar("some", 1, b"z")
    slot = arena.place(grammar)
    arena.acquire(slot)
    sampler.start_row(0, SamplingParams(min_tokens=5, temperature=1.0), 0, [1], 1)
    arena.set_row(0, slot, Place(1))
    for position in range(1, 5):
        token = draw(sampler, torch.randn(1, SIZE), [0], [position]).tokens.item()
        assert token in vocabulary.eos_ids


@pytest.mark.parametrize(
    "params,features",
    [
        (SamplingParams(), Features()),
        (SamplingParams(temperature=1.0, seed=3), Features()),
        (SamplingParams(temperature=0.0, top_k=5, top_p=0.5), Features()),
        (SamplingParams(temperature=1.0, top_k=1), Features()),
        (SamplingParams(temperature=1.0, top_k=2), Features(filtered=True)),
        (SamplingParams(temperature=1.0, min_p=0.1), Features(filtered=True)),
        (SamplingParams(repetition_penalty=1.1), Features(penalties=True)),
        (SamplingParams(min_tokens=1), Features(bias=True)),
        (SamplingParams(logit_bias=((1, 1.0),)), Features(bias=True)),
        (SamplingParams(logprobs=True), Features(logprobs=True)),
        (SamplingParams(top_logprobs=6), Features(logprobs=True, top=20)),
    ],
)
def test_features(params: SamplingParams, features: Features) -> None:
    assert features_of(params) == features


def test_features_of_rows_add_up(vocabulary, make_grammar) -> None:
    sampler, arena = make_sampler(vocabulary)
    sampler.start_row(0, SamplingParams(temperature=1.0, top_k=4), 0, [1], 1)
    sampler.start_row(1, SamplingParams(top_logprobs=1), 0, [1], 1)
    sampler.start_row(2, SamplingParams(), 0, [1], 1)
    arena.set_row(2, arena.place(make_grammar("some", 2)), Place(1))
    assert sampler.features([2]) == Features(grammar=True)
    assert sampler.features([0, 1]) == Features(filtered=True, logprobs=True, top=1)
    assert sampler.features([0, 2]) == Features(filtered=True, grammar=True)
    assert hash(sampler.features([0, 1, 2])) == hash(
        Features(filtered=True, logprobs=True, top=1, grammar=True)
    )


@pytest.mark.gpu
def test_all_of_it_can_be_captured(vocabulary, make_grammar) -> None:
    """A replayed graph draws what plain launches draw, step after step."""
    drawn = []
    for captured in (False, True):
        torch.manual_seed(0)
        sampler, arena = make_sampler(vocabulary, "cuda")
        slot = arena.place(make_grammar("some", 5))
        for row, params in enumerate(PARAMS):
            sampler.start_row(row, params, row, [1, 2, 3], 3)
            arena.acquire(slot)
            arena.set_row(row, slot, Place(1))
        sampler.flush()
        arena.flush()
        logits = torch.randn(8, SIZE, device="cuda")
        rows = torch.tensor([0, 1, 2, 3, 4, 5, 6, 6], device="cuda")
        positions = torch.full((8,), 3, device="cuda")
        features = Features(True, True, True, True, True, 5)

        def step():
            return sampler.sample(logits, rows, positions, features)  # noqa: B023 - used in this turn

        replay = _captured(step, arena, sampler) if captured else None
        for turn in range(6):
            logits.copy_(2 * torch.randn(8, SIZE))
            positions.fill_(3 + turn)
            sampled = replay() if replay else step()
            drawn.append((sampled.tokens[:6].tolist(), sampled.top_ids[:6].tolist()))
    assert drawn[:6] == drawn[6:]


def _captured(step, arena: GrammarArena, sampler: Sampler):
    """The step as a graph. What the plain runs before the capture changed is put back."""
    saved = [arena.tables.cursor.clone(), sampler._counts.clone()]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        sampled = step()
    arena.tables.cursor.copy_(saved[0])
    sampler._counts.copy_(saved[1])

    def replay():
        graph.replay()
        return sampled

    return replay
