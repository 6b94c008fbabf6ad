"""Draw: the one source of chance, and the wall between training and held-out material.

    draw = Draw(random.Random(7), held=False)
    draw.phrase(GREETINGS)      # a template; held=True only ever sees the templates that training never does
    draw.person()               # a name; held=True uses names that training never uses, and made-up ones

`Phrases` split their entries once, by a hash of the text, so the split hardly moves when lists grow. An entry may hold
groups, `[Give|Show] me the {k}`: training draws from the members of its side, and held-out entries take any. A group
that starts with `~` holds the words a label is known by; both sides share it, or no one could tell the label.
"""

import json
import random
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import words

_ONSETS = words.split_words(
    """
    b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh sk st t th tr v w x y z
    """
)
_VOWELS = words.split_words("a e i o u ai au ea ei ia ie io oo ou y")
_CODAS = ["", "", "", "", *words.split_words("l m n r s t x ck ld nd ng rk rt ss th")]
_PARTICLES = ("de", "van", "von", "da", "di", "van der", "de la", "del", "el", "bin", "ter")
_ACCENTS = {"a": "áàâäãå", "e": "éèêë", "i": "íìîï", "o": "óòôöõø", "u": "úùûü", "n": "ñ", "c": "ç"}
WRONG_SHARE = 0.3  # so many of the wordings in training have a wrong word
HELD_SHARE = 8  # one entry in this many is held out


@lru_cache
def vocabulary_words() -> tuple[str, ...]:
    """The tokens of the bundled tokenizer that are letters only."""
    path = (
        Path(__file__).resolve().parents[2] / "runtime" / "bundled" / "seedling" / "tokenizer.json"
    )
    vocabulary = json.loads(path.read_text())["model"]["vocab"]
    return tuple(t for t in vocabulary if len(t) > 1 and t.isascii() and t.isalpha())


def is_held(text: str) -> bool:
    """Whether this entry belongs to the held-out side."""
    return zlib.crc32(text.encode()) % HELD_SHARE == 0


class Phrases:
    """Templates split into a training and a held-out side; short lists are shared by both.

    At most a sixth is held out, and of eight and more at least one.
    """

    __slots__ = ("held", "train")

    def __init__(self, *texts: str) -> None:
        ranked = sorted(set(texts), key=lambda t: zlib.crc32(t.encode()) % 65521)
        held = [t for t in ranked if is_held(t)] if len(texts) >= 4 else []
        held = held[: -(-len(ranked) // 6)] or ranked[: len(ranked) // 8]
        self.held = tuple(held) or texts
        self.train = tuple(t for t in texts if t not in held) if len(held) < len(texts) else texts


@lru_cache(maxsize=4096)
def members(group: str, held: bool) -> tuple[str, ...]:
    """The members of a group `a|b|c` that a side may use; groups of four
    and more are split like templates."""
    texts = tuple(group.removeprefix("~").split("|"))
    if held or len(texts) < 4 or group.startswith("~"):
        return texts
    return tuple(t for t in texts if not is_held(t)) or texts


def names(texts: Sequence[str]) -> Phrases:
    """The same split for names of people, places and things."""
    return Phrases(*texts)


WOMEN, MEN, SURNAMES = names(words.WOMEN), names(words.MEN), names(words.SURNAMES)
CITIES, GOODS, ORG_WORDS = names(words.CITIES), names(words.GOODS), names(words.ORG_WORDS)


class Draw:
    """Random choices for one sample. Values are drawn freely; templates and names respect `held`."""

    __slots__ = ("fresh", "held", "rng")

    def __init__(self, rng: random.Random, held: bool = False, fresh: bool = False) -> None:
        self.rng = rng
        self.held = held or fresh
        self.fresh = fresh  # held out, with clauses from the second, later set of held-out phrases

    def one(self, options: Sequence[Any]) -> Any:
        """Any of the options, with no split."""
        return options[int(self.rng.random() * len(options))]

    def phrase(self, phrases: Phrases) -> str:
        """A template of this draw's side, its groups filled."""
        text: str = self.one(phrases.held if self.held else phrases.train)
        if "[" not in text:
            return text
        head, *rest = text.split("[")
        for part in rest:
            group, _, tail = part.partition("]")
            head += self.one(members(group, self.held)) + tail
        return head

    def wording(self, phrases: Phrases) -> str:
        """A template for what the model reads, never for what it says: in training often with a wrong word or two.

        A model that has to guess around wrong words cannot lean on the exact words of the templates.
        """
        text = self.phrase(phrases)
        if self.held or self.rng.random() > WRONG_SHARE:
            return text
        parts = text.split(" ")
        places = [i for i, part in enumerate(parts) if part.isalpha()]
        for _ in range(1 + int(self.chance(0.3))):
            if len(places) < 2:
                break
            wrong = self.one(words.VERBS) if self.chance(0.5) else self.made_word()
            place = places.pop(int(self.rng.random() * len(places)))
            parts[place] = self.one((wrong, "", wrong))
        return " ".join(part for part in parts if part)

    def request(self, phrases: Phrases) -> str:
        """A template as people type it: now and then with a polite word, in small letters or without a full stop.

        Works on the unfilled template, so that values in it keep their letters.
        """
        return self._typed(self.phrase(phrases))

    def instruction(self, phrases: Phrases) -> str:
        """A request whose own words carry nothing that the answer hangs on, so that it bears a wrong word."""
        return self._typed(self.wording(phrases))

    def _typed(self, text: str) -> str:
        dice = self.rng.random()
        if dice > 0.4:
            return text
        if dice < 0.1:
            return text[0].lower() + text[1:]
        if dice < 0.18:
            return text.rstrip(".?!")
        if dice < 0.24:
            return text + self.one((" Thanks.", " Thank you!", " Please.", " Thanks in advance."))
        opener = self.one(("Please", "Hi!", "Hello,", "Hey,", "Okay,", "Now,", "Quick:", "Well,"))
        closed = opener[-1] in "!:"
        return f"{opener} {text}" if closed else f"{opener} {text[0].lower()}{text[1:]}"

    def some(self, options: Sequence[Any], low: int, high: int) -> list[Any]:
        """Between low and high different options, in random order."""
        return self.rng.sample(options, min(len(options), self.number(low, high)))

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both possible."""
        return low + int(self.rng.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """True this share of the time."""
        return self.rng.random() < share

    def made_word(self) -> str:
        """A word that is in no list: any letters, a listed one changed, pieces of the vocabulary, or pronounceable.

        The pieces are there so that every token is copied often: one that training never copies cannot be copied.
        """
        dice = self.rng.random()
        if dice < 0.12:
            return self.letters(3, 12)
        if dice < 0.32:
            return self._respelled()
        if dice < 0.62:
            return "".join(self.one(vocabulary_words()) for _ in range(self.number(2, 3)))
        syllables = range(self.number(2, 3))
        return "".join(self.one(_ONSETS) + self.one(_VOWELS) + self.one(_CODAS) for _ in syllables)

    def _respelled(self) -> str:
        """A listed name with one or two letters changed, so that knowing the list does not help to copy."""
        text = self.phrase(self.one((WOMEN, MEN, SURNAMES, CITIES, ORG_WORDS))).lower()
        text = text.replace(" ", "")
        for _ in range(self.number(1, 2)):
            place = self.number(0, len(text) - 1)
            kept = self.one((place, place + 1))  # change a letter or put one in
            text = text[:place] + self.letters(1, 1) + text[kept:]
        return text

    def accented(self, name: str) -> str:
        """The name with one of its vowels under an accent, where it has any."""
        places = [i for i, letter in enumerate(name) if letter in _ACCENTS]
        if not places:
            return name
        at = self.one(places)
        return name[:at] + self.one(_ACCENTS[name[at]]) + name[at + 1 :]

    def surname(self) -> str:
        """A surname, now and then with a particle (`de Wit`, `O'Hara`), an accent or a hyphen."""
        last, dice = self.proper(SURNAMES, 0.45), self.rng.random()
        if dice < 0.08:
            return f"{self.one(_PARTICLES)} {last}"
        if dice < 0.12:
            return self.one(("O'", "Mc", "Mac", "D'")) + last
        if dice < 0.15:
            return self.accented(last)
        return f"{last}-{self.proper(SURNAMES, 0.4)}" if dice < 0.19 else last

    def letters(self, low: int, high: int) -> str:
        """A string of any lower-case letters."""
        return "".join(chr(97 + self.number(0, 25)) for _ in range(self.number(low, high)))

    def proper(self, known: Phrases, made: float = 0.3) -> str:
        """A listed name or a made-up one. Training makes most of them up, so that no model can tell a name
        from its letters and has to find it by its place."""
        made = made if self.held else max(made, 0.7)
        return self.made_word().capitalize() if self.chance(made) else self.phrase(known)

    def first_name(self, woman: bool | None = None) -> str:
        """A first name, mostly a known one."""
        woman = self.chance(0.5) if woman is None else woman
        name, dice = self.proper(WOMEN if woman else MEN, 0.4), self.rng.random()
        if dice < 0.03:
            return self.accented(name)
        return f"{name}-{self.proper(WOMEN if woman else MEN)}" if dice < 0.05 else name

    def person(self, woman: bool | None = None) -> str:
        """First name and surname, now and then with an initial, a double surname or the first name only."""
        first, last, dice = self.first_name(woman), self.surname(), self.rng.random()
        if dice < 0.05:
            return f"{first} {chr(65 + self.number(0, 25))}. {last}"
        if dice < 0.09:
            return f"{first} {self.first_name(woman)} {last}"
        return first if dice < 0.16 else f"{first} {last}"

    def city(self) -> str:
        """A city, mostly a known one."""
        name = self.proper(CITIES, 0.35)
        if self.held or self.chance(0.85):
            return name
        return f"{name} {self.proper(CITIES)}"  # a name of two words is one value

    def company(self) -> str:
        """A company, by its trade or its owners."""
        head = self.proper(ORG_WORDS)
        tail = self.one(words.ORG_ENDS)
        return f"{head} & {self.proper(SURNAMES)}" if self.chance(0.1) else f"{head} {tail}"

    def good(self) -> str:
        """A thing one can buy."""
        thing = self.made_word() if self.chance(0.08 if self.held else 0.3) else self.phrase(GOODS)
        if self.chance(0.5):
            thing = f"{self.one(words.COLOURS if self.chance(0.6) else words.MATERIALS)} {thing}"
        return thing

    def code(self) -> str:
        """An order number, a serial, a booking code."""
        upper = self.letters(1, 4).upper()
        number = "".join(str(self.number(0, 9)) for _ in range(self.number(2, 6)))
        shape = self.number(0, 4)
        mixed = "".join(
            self.one("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(self.number(5, 8))
        )
        return (f"{upper}-{number}", f"{upper}{number}", number, f"#{number}", mixed)[shape]

    def email(self, person: str | None = None) -> str:
        """An email address of the person, or of anyone."""
        text = (person or self.person()).lower()
        parts = "".join(c for c in text if c == " " or "a" <= c <= "z").split()
        local = self.one(
            (".".join(parts), parts[0], parts[-1], "_".join(parts), parts[0][0] + parts[-1])
        )
        if self.chance(0.3):
            local += str(self.number(1, 99))
        if self.chance(0.4):
            domain = f"{self.made_word()}.{self.one(('com', 'org', 'net', 'io', 'eu', 'co'))}"
        else:
            domain = self.one(words.DOMAINS)
        return f"{self.letters(4, 9) if self.chance(0.1) else local}@{domain}"

    def phone(self) -> str:
        """A phone number in one of five forms."""

        def digits(n: int) -> str:
            return "".join(str(self.number(0, 9)) for _ in range(n))

        return self.one(
            (
                f"555-{digits(4)}",
                f"+{self.number(1, 99)} {digits(3)} {digits(4)}",
                f"({digits(3)}) {digits(3)}-{digits(4)}",
                f"0{digits(3)} {digits(6)}",
                f"{digits(3)}-{digits(3)}-{digits(4)}",
            )
        )

    def date(self) -> tuple[str, str]:
        """(ISO form, form in the text)."""
        year, month, day = self.number(1950, 2035), self.number(1, 12), self.number(1, 28)
        iso, name = f"{year}-{month:02d}-{day:02d}", words.MONTHS[month - 1]
        suffix = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        shown = (
            iso,
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{name} {day}{suffix}, {year}",
        )
        return iso, self.one(shown)

    def time(self) -> tuple[str, str]:
        """(RFC 3339 form with its offset, as JSON Schema's `time` is defined; form in the text)."""
        hour, minute = self.number(0, 23), self.one((0, 0, 15, 30, 45, self.number(0, 59)))
        iso, twelve, half = (
            f"{hour:02d}:{minute:02d}:00Z",  # the format wants an offset
            hour % 12 or 12,
            "am" if hour < 12 else "pm",
        )
        if self.chance(0.4):
            return iso, f"{hour:02d}:{minute:02d}"
        return iso, f"{twelve} {half}" if minute == 0 else f"{twelve}:{minute:02d} {half}"

    def whole(self) -> int:
        """A count or amount, mostly small."""
        return self.number(0, 10 ** self.one((1, 2, 2, 3, 4, 5, 6)) - 1)

    def money(self) -> float:
        """An amount with at most two decimals."""
        whole = self.number(1, 10 ** self.one((1, 2, 2, 3, 4)))
        return round(whole + self.one((0, 0, 0.5, 0.99, 0.25, self.number(0, 99) / 100)), 2)
