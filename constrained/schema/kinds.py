"""Kinds: which kinds of value a schema may allow, as its type, its listed values and its branches say.

    possible_kinds(nodes, root)         # {"string", "null"} for anyOf: [{type: string}, {const: null}]

What else a schema demands is not asked, so some of them may turn out to be impossible. No value of the others satisfies
it, and nobody has to look at them. Slow: nothing; each schema is asked once.
"""

from .branches import read_branches
from .node import ALL_KINDS, Node, Nodes, Root, listed_of


def possible_kinds(nodes: Nodes, root: Root) -> frozenset[str]:
    """The kinds of value that may satisfy all of these nodes."""
    if len(root) == 1:
        return _kinds_of(nodes, root[0])
    return ALL_KINDS.intersection(*[_kinds_of(nodes, node) for node in root])


def _kinds_of(nodes: Nodes, node: Node) -> frozenset[str]:
    found = node.possible
    if found is None:
        found = node.possible = node.kinds  # for who refers back to it meanwhile
        if "enum" in node.words or "const" in node.words:
            listed_of(node, "null")
            found &= (node.by_kind or {}).keys()
        for keyword in ("anyOf", "oneOf"):
            if keyword in node.words:
                below = read_branches(nodes, node, keyword)
                found &= frozenset().union(
                    *(possible_kinds(nodes, nodes.flatten(b)) for b in below)
                )
        node.possible = found
    return found
