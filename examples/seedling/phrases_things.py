"""Things: further ways of telling orders, purchases, products and events, gathered from their blocks of text.

    MORE = with_things(MORE)               # the table of further phrases, with these among them
    SAYS = widened(SAYS, STATED)           # a table that stands alone: only its training side grows

An entry that was held out before stays held out, so that figures of earlier runs can be compared.
"""

from draw import Phrases
from phrases_things_events import EVENTS
from phrases_things_orders import ORDERS
from phrases_things_products import PRODUCTS
from phrases_things_purchases import PURCHASES


def entries(block: str) -> tuple[str, ...]:
    """The lines of a block, each an entry."""
    return tuple(line.strip() for line in block.splitlines() if line.strip())


def widened(phrases: Phrases, block: str) -> Phrases:
    """The phrases with a block's entries in training and the held-out side as it was."""
    wide = Phrases()
    wide.held = phrases.held
    wide.train = phrases.train + entries(block)
    return wide


def joined(old: Phrases | None, new: Phrases) -> Phrases:
    """Both lists, each split as it is alone; a short old list that is not split only trains."""
    if old is None:
        return new
    both = Phrases()
    kept = () if set(old.held) & set(old.train) else old.held
    both.held = kept + new.held
    both.train = old.train + new.train
    return both


def with_things(table: dict[str, Phrases]) -> dict[str, Phrases]:
    """The table of further phrases, with those of things joined to its entries."""
    blocks = ORDERS | PURCHASES | PRODUCTS | EVENTS
    return table | {k: joined(table.get(k), Phrases(*entries(b))) for k, b in blocks.items()}
