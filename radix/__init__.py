"""The radix tree: which prefixes have KV, in which pages, and which of them to give up first.

`tree.py` has the structure and the rule of who owns a page; `node.py` what a node is; `key.py` how tokens are
compared; `evict.py` the order of eviction; `check.py` every invariant. Host only: integers in, integers out. It knows
neither the free list nor the requests: `runtime/memory/cache.py` joins them.
"""

from .check import check
from .node import Node
from .tree import Insert, Match, RadixTree

__all__ = ["Insert", "Match", "Node", "RadixTree", "check"]
