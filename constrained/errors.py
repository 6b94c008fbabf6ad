"""What can go wrong with a constraint, as a tree.

    ConstraintError (ValueError)
    ├── InvalidConstraint        the caller is wrong: not a regex, not a JSON Schema
    │   └── Unsatisfiable        a schema that says something, and no value can satisfy it
    ├── UnsupportedConstraint    the caller is right, but this is not enforced exactly here, so it is refused by name
    ├── UnsupportedTokenizer     the model's tokenizer has a form whose tokens cannot be read as bytes
    └── ConstraintBudget         too large for the limits in force: fewer states, or larger limits

`path` says where: a JSON pointer into the schema, or a position in the pattern. Our own mistakes are assertions.
"""


class ConstraintError(ValueError):
    """Root of what a constraint can raise. The message starts with the place, when there is one.

    >>> broken = tr.function(lambda s: s.add(tr.gen("x", regex="(a|b"), "here"))
    >>> isinstance(broken.run(backend=engine).error, tr.ConstraintError)
    True
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class InvalidConstraint(ConstraintError):
    """The constraint is malformed or contradicts itself.

    >>> broken = tr.function(lambda s: s.add(tr.gen("x", regex="(a|b"), "here"))
    >>> type(broken.run(backend=engine).error).__name__
    'InvalidConstraint'
    """


class Unsatisfiable(InvalidConstraint):
    """The constraint is well-formed, and nothing satisfies it."""


class UnsupportedConstraint(ConstraintError):
    """The constraint is well-formed, and asks for something that is not enforced exactly here.

    >>> again = tr.function(lambda s: s.add(tr.gen("x", regex="(a|b) and \\\\1"), "here"))
    >>> type(again.run(backend=engine).error).__name__
    'UnsupportedConstraint'
    """


class ConstraintBudget(ConstraintError):
    """Compiling needs more time, states or bytes than the limits allow.

    >>> large = tr.function(lambda s: s.add(tr.gen("x", regex="(a{999}){999}"), "here"))
    >>> type(large.run(backend=engine).error).__name__
    'ConstraintBudget'
    """


class UnsupportedTokenizer(ConstraintError):
    """The bytes of the tokenizer's tokens cannot be told from its description."""
