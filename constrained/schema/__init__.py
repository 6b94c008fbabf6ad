"""JSON Schema: exact, or refused by name.

    machine = lower_schema(JsonSchema('{"type": "integer", "minimum": 0}'), budget, Fragments(1 << 20))
    text = Canonical(JsonSchema(...)).write(value)                  # the text of a value, as the grammar reads it
    keywords()                                                      # how each keyword is enforced

How it works. One value may be judged by several schemas at once: the branches of anyOf, the two sides of `if`, what
`not` denies. Such a set is a *site*. Nothing is expanded: one automaton reads the value, keeps what is left of the
formula over the schemas that still matter, and ends with a *vector*: which of them hold. A branch that is out is
forgotten, so a union is as cheap as its one branch once the discriminator has been read.

    document    references and identifiers          node, kinds     one schema's keywords, and the kinds they leave
    formula     truth, folded                       residue         what is left of it, once more is known
    board       the formula of a site, by kind of value
    site, sites which vectors are wanted, and possible              graph           the spots of arrays and objects
    line        properties of which each only has to be right, as nearly all are: no spots, only their sites
    properties/ objects, and what is known of their names           elements/       arrays, and what of their items
    leaves/     strings and numbers                 rules/          the automata of all of it

The canonical form. Properties come in the order in which the schemas at their site name them, then all other names in
any order; separators are `, ` and `: `. Names, and strings about which a schema says more than their length, are
spelled as json.dumps spells them; other strings may use every JSON escape. Integers have no fraction and no exponent;
numbers are plain decimals, or d.ddde±x where the bounds contain the whole decade, or lie beyond 20 digits. Without a
bound there are up to 64 digits before the point. Where several schemas judge one number it is a plain decimal, without
a fraction if they ask for integers only. A listed number has one spelling, unless others are asked for beside it.
Objects may repeat a name that no schema declares: JSON leaves open what that means.
"""

from .canonical import Canonical, canonical
from .lower import lower_schema
from .support import keywords

__all__ = ["Canonical", "canonical", "keywords", "lower_schema"]
