"""The scheduler: which requests compute what in the next step, and what the last one's result means for them.

    scheduler.add(request)
    while scheduler.busy:
        plan = scheduler.plan()                    # Step for the device, and the requests it is for
        progress = scheduler.commit(plan, result)  # tokens appended, ended requests released
    scheduler.abort(request, finish)

Every kind of work is "so many tokens for that row": a prompt in chunks under a token budget (small ones where others
are being answered, who wait for the step), one token of decode, a run of forced tokens, choices to score. A plan may
be made before the previous step's result is known: a row whose next token is on the device needs nothing from the
host. Only where the host makes the masks, or penalties count each token, a result has to be seen first: see `waits`.

Memory: pages are reserved as tokens are planned. When they run out, the request that came last gives its row back
and starts again later from what the radix tree still holds; draws are keyed by position, so its answer is the same.

It runs on host integers alone: no tensors, no text, no clock but the one it is given.
"""

import heapq
from collections.abc import Callable, Sequence

from ..constrained.errors import ConstraintError
from ..lang.backends.base import Finish
from .ahead import NOBODY, Pace
from .coming import Coming
from .errors import Overloaded, RequestError
from .memory.cache import PrefixCache
from .plan import Draft, Limits, Plan, Progress
from .policy import SAMPLED_COST, Holdings, Waiting, by_arrival
from .request import Request, Status
from .step import Result, RowStart, Work


class Scheduler:
    """Plans steps over a PrefixCache. Not thread-safe: the engine's thread owns it."""

    def __init__(self, cache: PrefixCache, limits: Limits, clock: Callable[[], float]) -> None:
        self.cache = cache
        self.limits = limits
        self.clock = clock
        self.waiting = Waiting()
        self.running: list[Request] = []
        self.refused: list[tuple[Request, Exception]] = []
        self.preemptions = 0
        self._rows = list(range(limits.max_running))
        self._ends: list[int] = []
        self._steps = 0
        self._turns = 0
        self._pace = Pace(limits.sizes)
        self._timed: set[Request] = set()  # those that have a deadline
        # The running, in order; None: not since one came or went.
        self._line: list[Request] | None = None

    def add(self, request: Request) -> None:
        """Queues a request. Raises Overloaded when the queue is full, RequestError when it can never run."""
        length = len(request.tokens)
        room = min(self.limits.context, self.cache.capacity)
        if not length:
            raise RequestError("the prompt is empty: at least one token is needed to generate from")
        generates = request.targets_from is None and not (request.keep or request.embeds)
        if length + generates > room:
            what = "context" if room == self.limits.context else "KV pool"
            told = f"the prompt has {length} tokens; the {what} holds {room}: shorten it"
            raise RequestError(told)
        request.limit = min(request.limit, room)
        request.arrival = self.clock()
        self._turns += 1
        request.turn = self._turns
        if request.params.timeout is not None:
            request.deadline = request.arrival + request.params.timeout
        if len(self.waiting) >= self.limits.max_waiting:
            self._refuse_for(request)
        if request.deadline is not None:
            self._timed.add(request)
        self.waiting.add(request)

    def abort(self, request: Request, finish: Finish) -> None:
        """Ends a request now, wherever it stands; its pages are free before the next plan."""
        if request.status is not Status.ENDED:
            request.finish = request.finish or finish
            self.release(request)

    def fail(self, request: Request) -> None:
        """Ends a request whose caller hears of an error: nothing is kept for it, and what it was to compute since its
        last commit is not believed."""
        if request.status is Status.ENDED:
            if request.node is not None:
                self.cache.release(request.node)
                request.node = None
            return
        request.keep, request.computed = False, request.committed
        self.abort(request, Finish("abort", None))

    def expire(self) -> list[Request]:
        """Ends the requests whose time is up, and gives them."""
        if not self._timed:
            return []
        now = self.clock()
        both = (*self.waiting, *self.running)
        late = [r for r in both if r.deadline is not None and now >= r.deadline]
        for request in late:
            self.abort(request, Finish("timeout", None))
        return late

    @property
    def busy(self) -> bool:
        """Whether any request waits or runs, or is yet to hear of its refusal."""
        return bool(self.waiting or self.running or self.refused)

    @property
    def waits(self) -> bool:
        """Whether a running request cannot be planned before the launched step's result is known."""
        return any(r.pending and r.watchful for r in self.running)

    def plan(self) -> Plan | None:
        """The next step; None when nothing can be computed now."""
        draft = Draft(self.limits, self.running, bool(self.waiting))
        self._make_way()
        contested, size = self.waiting.contested, self.cache.page_size
        line = self._stand_in_line(contested)
        out = NOBODY if self.waiting else self._pace.sit_out(line, size)
        for request in line:
            if request.status is Status.RUNNING and request.finish is None and request not in out:
                if request.flows(size) and not contested:
                    draft.flow(request)
                else:
                    self._continue(draft, request, line)
        if self.waiting and draft.budget > 0:
            self._admit(draft)
        if not draft.work:
            return None
        self._steps += 1
        ends, self._ends = self._ends, []
        starts = tuple([r.starts for r in draft.requests])
        return Plan(draft.step(self._steps, ends), tuple(draft.requests), starts)

    def _stand_in_line(self, contested: bool) -> list[Request]:
        """The running requests, who goes first and who last gives way."""
        if contested:
            return sorted(self.running, key=Holdings(self.running, self._part).place)
        if self._line is None:
            self._line = sorted(self.running, key=by_arrival)
        return self._line[:]

    def _continue(self, draft: Draft, request: Request, line: list[Request]) -> None:
        """Gives a running request its next tokens; those at the end of the line give way to it."""
        count = min(request.ready(), draft.room(request))
        if count <= 0:
            return
        index = len(request.pages)
        lacks = request.computed + count > index * self.cache.page_size
        while lacks and not self._reserve(request, count):
            victim = line.pop()
            if victim.status is Status.RUNNING:
                self._preempt(victim)
            if victim is request:
                return
        if len(request.pages) > index:
            assert request.row is not None
            draft.pages.append((request.row, index, request.pages[index:]))
        self._take(draft, request, count)

    def _reserve(self, request: Request, count: int) -> bool:
        pages = self.cache.extend(request.pages, request.computed, count)
        if pages is None:
            return False
        request.pages.extend(pages)
        return True

    def _take(self, draft: Draft, request: Request, count: int) -> None:
        """Adds `count` tokens of a running request, whose pages are there, to the step."""
        assert request.row is not None
        start, end = request.computed, request.computed + count
        device = count == 1 and (
            request.live > 0 or (request.on_device and end == len(request.tokens))
        )
        complete = request.live > 0 or end == request.goal
        sample = complete and request.generates
        targets: Sequence[int] = ()
        if request.targets_from is not None:
            targets = request.tokens[max(start + 1, request.targets_from) : end + 1]
        tokens = None if device else request.tokens[start:end]
        if request.untold is not None:
            assert request.matcher is not None
            if request.mask is None:
                draft.places.append((request.row, request.matcher.place))
            draft.forced.append((request.row, request.tell()))
        if sample and request.mask is not None:
            draft.masks.append((request.row, request.mask))
        embed = request.embeds and end == request.goal
        draft.work.append(Work(request.row, start, count, tokens, sample, targets, embed))
        draft.requests.append(request)
        draft.budget -= count
        if self.waiting.contested:
            self.waiting.charge(request, count + SAMPLED_COST * sample)
        request.computed = end
        request.pending += sample

    def _admit(self, draft: Draft) -> None:
        order = self.waiting.order(self.clock(), self.limits.max_wait_seconds, self._lookup)
        coming = Coming(self.running, self.cache.page_size)
        for request in order:
            if draft.budget <= 0 or not self._rows:
                return
            if request.pending or self._shares(request, coming):
                continue
            if not self._start(draft, request):
                self._refuse_if_alone(request)
                return
            coming.add(request)

    def _lookup(self, request: Request) -> int:
        return self.cache.lookup(
            request.tokens, request.params.namespace, request.base, request.matchable
        )

    def _shares(self, request: Request, coming: Coming) -> bool:
        """Whether a running request is just computing the page that this one needs next: then it waits for it."""
        return bool(coming) and coming.has_next_of(request, self._lookup(request))

    def _fits(self, request: Request) -> bool:
        """Whether there is memory for it and for the next page of each that runs."""
        pages = (request.goal - self._lookup(request)) // self.cache.page_size + 1
        return not self.running or self.cache.available >= pages + len(self.running)

    def _make_way(self) -> None:
        """Rows and memory that the next request lacks are taken from tenants that hold more than its own would."""
        request = self.waiting.first() if self.waiting.contested else None
        if request is None or request.pending:
            return
        if self._shares(request, Coming(self.running, self.cache.page_size)):
            return
        while not (self._rows and self._fits(request)):
            victim = Holdings(self.running, self._part).giver(request)
            if victim is None:
                return
            self._preempt(victim)

    def _part(self, request: Request) -> float:
        """What it holds, or will at least: its part of all rows and its part of all pages."""
        pages = max(len(request.pages), request.goal // self.cache.page_size + 1)
        return 1 / self.limits.max_running + pages / self.cache.counts.total

    def _refuse_for(self, request: Request) -> None:
        """The queue is full: who waits last of the tenant that has most leaves it, or else this one."""
        error = Overloaded(f"{len(self.waiting)} requests wait already; try again in a moment")
        last = self.waiting.crowding(request)
        if last is None:
            raise error
        self._refuse(last, error)

    def _start(self, draft: Draft, request: Request) -> bool:
        """Gives a waiting request a row and its first chunk; False when memory does not suffice."""
        if not self._fits(request):
            return False
        room = draft.room(request)
        reservation = self.cache.reserve(
            request.tokens, request.params.namespace, request.base, request.matchable, room
        )
        if reservation is None:
            return False
        row = heapq.heappop(self._rows)
        request.row, request.status = row, Status.RUNNING
        request.reservation, request.node = reservation, reservation.node
        request.pages = list(reservation.pages)
        request.computed = reservation.cached
        request.committed = reservation.cached // self.cache.page_size * self.cache.page_size
        request.cached = reservation.cached if request.cached is None else request.cached
        request.on_device, request.untold = False, None
        request.starts += 1
        request.scores.clear()
        self.waiting.take(request)
        self.running.append(request)
        self._line = None
        place = request.matcher.place if request.matcher and request.mask is None else None
        draft.starts.append(
            RowStart(
                row, request.params, request.seed, request.tokens, request.prompt_length,
                request.grammar, place,
            )
        )  # fmt: skip
        draft.copies.extend(reservation.copies)
        draft.pages.append((row, 0, request.pages[:]))
        self._take(draft, request, min(request.ready(), room))
        return True

    def _refuse_if_alone(self, request: Request) -> None:
        """A request that does not fit although nothing runs will never fit: memory is held by kept prefixes."""
        if self.running:
            return
        error = Overloaded(
            "KV memory is held by kept prefixes: release some runs, or give the engine more kv_tokens"
        )
        self._refuse(request, error)

    def _refuse(self, request: Request, error: Exception) -> None:
        self.refused.append((request, error))
        self.fail(request)

    def commit(self, plan: Plan, result: Result) -> list[Progress]:
        """Applies a step's result. Requests that ended have `finish` set; `release` lets their memory go."""
        progress: list[Progress] = []
        tokens: list[int] = result.tokens.tolist()
        drawn = scored = embedded = 0
        for request, work, start in zip(plan.requests, plan.step.work, plan.starts, strict=True):
            # Behind its prompt, what generates has nothing to settle.
            settles = work.position < request.prompt_length or not work.sample
            if settles or request.reservation is not None:
                # A request preempted since then may run again on pages that this step never touched.
                settles = request.starts == start and request.status is Status.RUNNING
                if settles:
                    self._take_back(request, work, result, (scored, embedded))
                scored += len(work.targets)
                embedded += work.embed
            new: Progress | None = None
            if work.sample:
                request.pending -= 1
                if request.void:
                    request.void -= 1
                elif request.finish is None:
                    new = self._append(request, tokens[drawn], result, drawn)
                drawn += 1
            if settles:
                self._settle(request, work)
            if new is not None:
                progress.append(new)
            elif request.finish is not None and request.status is not Status.ENDED:
                progress.append(Progress(request))
        return progress

    def _take_back(self, request: Request, work: Work, result: Result, at: tuple[int, int]) -> None:
        """What a step gave a request beside a token: its scores and hidden state, which lie there in the result."""
        if request.reservation is not None:
            self.cache.settle(request.reservation)
            request.reservation = None
        if work.targets:
            found = result.scores[at[0] : at[0] + len(work.targets)]
            request.scores.extend(found.tolist())
        if work.embed:
            request.hidden = result.hidden[at[1]]

    def _append(self, request: Request, token: int, result: Result, index: int) -> Progress | None:
        """What a token adds to a request; None if its constraint can go no further: it is refused."""
        try:
            forced = request.append(token)
        except ConstraintError as error:
            self._refuse(request, error)
            return None
        if forced is None:
            return Progress(request)
        self._pace.hear(forced)
        if result.logprobs is None:
            return Progress(request, token, forced)
        return Progress(request, token, forced, *result.asked(index, request.params))

    def _settle(self, request: Request, work: Work) -> None:
        """After a step: full prompt pages go into the tree, and what generates nothing has ended."""
        if request.finish is not None:
            return
        end = work.position + work.count
        size = self.cache.page_size
        if work.position < request.prompt_length and end // size * size > request.committed:
            request.committed = end // size * size
            self.cache.commit_full(request, request.committed)
        if end >= request.goal and not request.live and not request.generates:
            request.finish = Finish("length", None)

    def release(self, request: Request) -> None:
        """Lets go of an ended request; the KV of its tokens stays in the tree, locked if it is to be kept."""
        assert request.status is not Status.ENDED, f"request {request.id} was released twice"
        if request.status is Status.WAITING:
            self.waiting.remove(request)
        else:
            self._leave(request, request.keep)
        request.status = Status.ENDED
        self._timed.discard(request)

    def _leave(self, request: Request, keep: bool) -> None:
        assert request.row is not None
        if request.reservation is not None:
            self.cache.settle(request.reservation)
            request.reservation = None
        valid = min(request.computed, len(request.tokens))
        request.node = self.cache.finish(request, valid, keep)
        request.pages = []
        self.running.remove(request)
        self._line = None
        self.waiting.leave(request)
        self._ends.append(request.row)
        heapq.heappush(self._rows, request.row)
        request.row = None

    def _preempt(self, request: Request) -> None:
        """Takes the row and the memory back; the request goes on later from what the tree keeps."""
        self._leave(request, keep=False)
        request.status = Status.WAITING
        request.computed = 0
        self.preemptions += 1
        self.waiting.add(request)
