"""Check: whether a Document means something; what its types alone cannot say.

    check(document)            # raises UnreadableProgram with the path of the first mistake

It goes through the instructions as a run would, knowing of each state its variables, its turn and its marks: every id
is set once and before it is used, every state exists, turns and captures pair up, limits hold, and the cases of a match
leave the same behind. It refuses to run anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..errors import InvalidProgram, UnreadableProgram
from ..nodes.params import SamplingParams
from ..state.position import Position
from . import document as doc
from .rules import check_limits, definitions, located, node_of
from .values import Argument, Ref, Value, parts_of

MAX_STATES = 10_000
MAX_WORK = 10_000_000


@dataclass(slots=True)
class Line:
    """What is known of one state: its variables (name to id), where it stands, its marks."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    position: Position = field(default_factory=Position)
    open: bool = True

    def copy(self) -> "Line":
        return Line(dict(self.names), self.position, self.open)


@dataclass(slots=True)
class Scene:
    """What is visible at a point: the states, the ids that are set, the marks and what they kept."""

    lines: dict[int, Line]
    known: set[str]
    marks: dict[int, tuple[int, Line]] = field(default_factory=dict[int, tuple[int, Line]])
    forks: dict[tuple[int, ...], tuple[int, Line]] = field(
        default_factory=dict[tuple[int, ...], tuple[int, Line]]
    )

    def apart(self, states: Iterable[int]) -> "Scene":
        """The same for a block to change, with these states only."""
        lines = {number: self.lines[number].copy() for number in states if number in self.lines}
        return Scene(lines, set(self.known), dict(self.marks), dict(self.forks))


def check(document: doc.Document) -> None:
    """Raises UnreadableProgram, naming the path, if the document cannot be run."""
    check_limits(document)
    _Checker(document).block(document.block, "block", Scene({0: Line()}, set()))


class _Checker:
    """A walk through one document. _later: every id that is set anywhere, to tell a cycle from an unknown one."""

    def __init__(self, document: doc.Document) -> None:
        self._arguments = {parameter.name for parameter in document.parameters}
        self._used: set[str] = set()
        self._states = {0}
        self._work = 0
        self._later = {
            made for _, one in located(document.block, "block") for made in definitions(one)
        }
        _check_options(document.options, "options")

    def block(self, block: doc.Block, path: str, scene: Scene) -> None:
        """Goes through a block; the scene becomes what it is after it."""
        for index, instruction in enumerate(block.body):
            self._instruction(instruction, f"{path}.body[{index}]", scene)
        if block.result is not None:
            self._value(block.result, f"{path}.result", scene)

    def _instruction(self, one: doc.Instruction, path: str, scene: Scene) -> None:
        match one:
            case doc.Together():
                self._together(one, path, scene)
                return
            case doc.Match():
                self._match(one, path, scene)
            case doc.Map():
                self._map(one, path, scene)
            case doc.Repeat():
                self._repeat(one, path, scene)
            case doc.Fork() | doc.Join():
                self._branches(one, path, scene)
            case doc.Mark() | doc.Rewind():
                self._mark(one, path, scene)
            case doc.Text(value=value) | doc.Set(value=value):
                self._value(value, f"{path}.value", scene)
                self._step(one, path, scene)
            case _:
                self._step(one, path, scene)
        self._define(one, path, scene)

    def _step(self, one: doc.Instruction, path: str, scene: Scene) -> None:
        """An instruction that changes no more than where its state stands."""
        assert not isinstance(one, doc.Together)
        line = self._line(one.state, path, scene)
        if isinstance(one, doc.Gen):
            _check_options(one.options, f"{path}.options")
        try:
            if (node := node_of(one)) is not None:
                line.position = line.position.past(node)
        except InvalidProgram as error:
            raise UnreadableProgram(str(error), path) from None
        line.open = not isinstance(one, doc.Close)

    def _define(self, one: doc.Instruction, path: str, scene: Scene) -> None:
        for made, name in definitions(one).items():
            self._claim(made, path)
            scene.known.add(made)
            assert not isinstance(one, doc.Together)
            if name is not None:
                scene.lines[one.state].names[name] = made

    def _apart(self, scene: Scene, states: Iterable[int], path: str) -> Scene:
        """The scene for a block to change. What is small to write may be much to check: that has a limit, too."""
        self._charge(len(scene.known) + len(scene.marks) + len(scene.forks), path)
        return scene.apart(states)

    def _copied(self, line: Line, path: str) -> Line:
        self._charge(len(line.names) + 10, path)
        return line.copy()

    def _charge(self, work: int, path: str) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise UnreadableProgram("too many blocks and branches know too many variables", path)

    def _claim(self, made: str, path: str) -> None:
        if made in self._used:
            raise UnreadableProgram(f"the id {made!r} is set twice", path)
        self._used.add(made)

    def _branches(self, one: doc.Fork | doc.Join, path: str, scene: Scene) -> None:
        line = self._line(one.state, path, scene)
        if isinstance(one, doc.Fork):
            if not one.branches:
                raise UnreadableProgram("a fork needs a branch at least", f"{path}.branches")
            for number in one.branches:
                self._new_state(number, f"{path}.branches")
                scene.lines[number] = self._copied(line, path)
            scene.forks[one.branches] = (one.state, line.copy())
            return
        if scene.forks.get(one.branches, (None,))[0] != one.state:
            raise UnreadableProgram("these are not the branches of a fork of this state", path)
        joined = [self._line(number, f"{path}.branches", scene) for number in one.branches]
        before = scene.forks[one.branches][1]
        self._check_join(one, path, joined, before)
        if one.how == "best":
            scene.lines[one.state] = joined[0].copy()
        for branch in joined:
            branch.open = False

    def _check_join(self, one: doc.Join, path: str, joined: list[Line], before: Line) -> None:
        if (one.how == "best") != (one.by is not None):
            raise UnreadableProgram('"best" needs "by", the other ways take none', f"{path}.by")
        if one.how == "text" and any(b.position.turns != before.position.turns for b in joined):
            raise UnreadableProgram("branches joined by text open no turns of their own", path)
        if one.how == "best" and any(b.position != joined[0].position for b in joined):
            raise UnreadableProgram("the branches end in different turns", path)
        if one.how == "best" and not joined[0].position.at_same_block(before.position):
            raise UnreadableProgram("the branches end in another turn than they began in", path)
        if one.by is not None and any(one.by not in branch.names for branch in joined):
            raise UnreadableProgram(f"a branch has no variable {one.by!r}", f"{path}.by")
        for name in one.sets:
            own = [b.names.get(name) not in (None, before.names.get(name)) for b in joined]
            found = [name in branch.names for branch in joined]
            if not (all(found) if one.how == "best" else any(own)):
                raise UnreadableProgram(f"the branches set no {name!r}", f"{path}.sets.{name}")

    def _mark(self, one: doc.Mark | doc.Rewind, path: str, scene: Scene) -> None:
        line = self._line(one.state, path, scene)
        if isinstance(one, doc.Mark):
            if one.mark in scene.marks:
                raise UnreadableProgram(f"mark {one.mark} is made twice", f"{path}.mark")
            scene.marks[one.mark] = (one.state, line.copy())
            return
        owner, kept = scene.marks.get(one.mark, (None, line))
        if owner != one.state:
            raise UnreadableProgram(f"this state has no mark {one.mark}", f"{path}.mark")
        if not line.position.at_same_block(kept.position):
            raise UnreadableProgram("the mark was made in another turn or capture", path)
        scene.lines[one.state] = kept.copy()

    def _match(self, one: doc.Match, path: str, scene: Scene) -> None:
        line = self._line(one.state, path, scene)
        self._value(one.value, f"{path}.value", scene)
        cases = {f"{path}.cases.{label}": block for label, block in one.cases.items()}
        if one.default is not None:
            cases[f"{path}.default"] = one.default
        if not cases:
            raise UnreadableProgram("a match needs a case at least", f"{path}.cases")
        ends: list[Line] = []
        for place, block in cases.items():
            inside = self._apart(scene, (one.state,), place)
            self.block(block, place, inside)
            ends.append(inside.lines[one.state])
            self._same_place(line, ends[0], ends[-1], place)
        line.names = _common([end.names for end in ends])
        line.open = ends[0].open
        turns = max(end.position.turns for end in ends)
        line.position = replace(line.position, turns=turns)
        for name in one.sets:
            if any(name not in end.names for end in ends):
                raise UnreadableProgram(f"a case sets no {name!r}", f"{path}.sets.{name}")

    def _same_place(self, before: Line, first: Line, end: Line, path: str) -> None:
        if not end.position.at_same_block(before.position):
            raise UnreadableProgram("it leaves a turn or capture open, or ends one", path)
        if end.open != first.open:
            raise UnreadableProgram("the state is closed in some cases or rounds only", path)

    def _repeat(self, one: doc.Repeat, path: str, scene: Scene) -> None:
        line, inside = self._line(one.state, path, scene), self._apart(scene, (one.state,), path)
        after = inside.lines[one.state]
        for name, made in one.takes.items():
            if name not in line.names:
                raise UnreadableProgram(f"nothing sets {name!r} before it", f"{path}.takes.{name}")
            self._claim(made, f"{path}.takes.{name}")
            inside.known.add(made)
            after.names[name] = made
        self.block(one.block, f"{path}.block", inside)
        after = inside.lines[one.state]
        self._same_place(line, line, after, f"{path}.block")
        if one.until is not None:
            self._value(one.until, f"{path}.until", inside)
        scene.known |= inside.known - set(one.takes.values())
        before = {made: line.names[name] for name, made in one.takes.items()}
        line.names = {name: before.get(made, made) for name, made in after.names.items()}
        line.position = after.position

    def _map(self, one: doc.Map, path: str, scene: Scene) -> None:
        line = self._line(one.state, path, scene)
        self._value(one.items, f"{path}.items", scene)
        self._new_state(one.branch, f"{path}.branch")
        inside = self._apart(scene, (), path)
        inside.lines[one.branch] = line.copy()
        inside.known.add(one.item)
        self._claim(one.item, f"{path}.item")
        self.block(one.block, f"{path}.block", inside)

    def _together(self, one: doc.Together, path: str, scene: Scene) -> None:
        """Lanes work on states of their own and use nothing that another lane sets."""
        known, owners = set(scene.known), dict[int, int]()
        for index, lane in enumerate(one.lanes):
            inside = self._apart(scene, _worked_on(lane), path)
            inside.known = set(known)
            for at, instruction in enumerate(lane):
                place = f"{path}.lanes[{index}][{at}]"
                if isinstance(instruction, doc.Together):
                    raise UnreadableProgram("a lane holds no lanes", place)
                if owners.setdefault(instruction.state, index) != index:
                    raise UnreadableProgram("another lane works on this state, too", place)
                self._instruction(instruction, place, inside)
            scene.known |= inside.known
            scene.marks |= inside.marks
            scene.forks |= inside.forks
            scene.lines |= inside.lines

    def _line(self, number: int, path: str, scene: Scene) -> Line:
        line = scene.lines.get(number)
        if line is None:
            raise UnreadableProgram(f"there is no state {number} here", path)
        if not line.open:
            raise UnreadableProgram(f"state {number} is closed, or not this block's", path)
        return line

    def _new_state(self, number: int, path: str) -> None:
        if number in self._states:
            raise UnreadableProgram(f"state {number} is made twice", path)
        if len(self._states) > MAX_STATES:
            raise UnreadableProgram(f"there are more than {MAX_STATES} states", path)
        self._states.add(number)

    def _value(self, value: Value, path: str, scene: Scene) -> None:
        if isinstance(value, Argument) and value.name not in self._arguments:
            raise UnreadableProgram(f"there is no parameter {value.name!r}", path)
        if isinstance(value, Ref) and value.id not in scene.known:
            later = "is set only after it, or elsewhere: a cycle" if value.id in self._later else ""
            raise UnreadableProgram(f"the variable {value.id!r} {later or 'is unknown'}", path)
        for index, part in enumerate(parts_of(value)):
            self._value(part, f"{path}.{index}", scene)


def _common(ends: list[dict[str, str]]) -> dict[str, str]:
    """Variables that every case leaves alike; those that differ are known only by what the match sets."""
    shared = ends[0].items()
    return {name: made for name, made in shared if all(end.get(name) == made for end in ends)}


def _worked_on(lane: tuple[doc.Instruction, ...]) -> set[int]:
    """The states that a lane may change, joined branches included."""
    found: set[int] = set()
    for one in lane:
        if not isinstance(one, doc.Together):
            found |= {one.state, *(one.branches if isinstance(one, doc.Join) else ())}
    return found


def _check_options(options: Mapping[str, object], path: str) -> None:
    try:
        SamplingParams().merged(**options)
    except InvalidProgram as error:
        raise UnreadableProgram(str(error), path) from None
