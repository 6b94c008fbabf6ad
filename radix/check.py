"""Every invariant of a RadixTree, checked from scratch.

    check(tree)      # AssertionError that says which node, and what is wrong with it

Linear in the tree and meant for tests and for an idle engine. It refuses to repair anything.
"""

from collections import Counter

from .evict import evictable
from .key import TOKEN_BYTES
from .node import Node, Root
from .tree import RadixTree


def check(tree: RadixTree) -> None:
    """Raises AssertionError at the first invariant that does not hold."""
    nodes = [node for _, node in tree.walk()]
    for name, root in tree.roots.items():
        assert root.namespace == name and root.parent is None, f"{root} is not the root of {name!r}"
        assert root.end == 0 and not root.key and not len(root.pages), f"{root} holds something"
        assert root.children, f"{root} of {name!r} is empty and still there"
    for node in nodes:
        _check_links(node)
        _check_pages(node, tree.page_size)
    owners = Counter(page for node in nodes for page in node.pages.tolist())
    shared = [page for page, count in owners.items() if count > 1]
    assert not shared, f"pages {shared} have more than one owner"
    assert tree.node_count == len(nodes), f"{len(nodes)} nodes, counted {tree.node_count}"
    assert tree.cached_pages == len(owners), f"{len(owners)} pages, counted {tree.cached_pages}"
    _check_locks(tree, nodes)
    _check_queue(tree, nodes)


def _check_links(node: Node) -> None:
    parent = node.parent
    assert parent is not None, f"{node} has no parent"
    assert parent.children.get(node.key[:TOKEN_BYTES]) is node, f"{node} is not its parent's child"
    assert node.start == parent.end, f"{node} starts elsewhere than its parent ends, {parent.end}"
    assert node.end > node.start, f"{node} has no tokens"
    assert len(node.key) == (node.end - node.start) * TOKEN_BYTES, (
        f"{node} has {len(node.key)} bytes of key"
    )
    assert not isinstance(node, Root), f"{node} is a root below a root"


def _check_pages(node: Node, size: int) -> None:
    last = node.end // size if node.children else -(-node.end // size)
    wanted = last - node.start // size
    assert len(node.pages) == wanted, f"{node} must own {wanted} pages"


def _check_locks(tree: RadixTree, nodes: list[Node]) -> None:
    """Guards and weights, derived anew from the locks: a node is kept while it or one below it is locked."""
    kept: dict[Node, int] = {}
    evictable_pages = 0
    for node in reversed(nodes):
        below = sum(child in kept for child in node.children.values())
        guards = (node.locks > 0) + below
        assert node.locks >= 0 and node.guards == guards, (
            f"{node} has {node.guards} guards, not {guards}"
        )
        if not guards:
            evictable_pages += len(node.pages)
            continue
        kept[node] = guards
        if node.children and not below and node.end % tree.page_size:
            evictable_pages -= 1  # its last child leaves it a page
    counted = tree.evictable_pages
    assert counted == evictable_pages, f"{evictable_pages} pages are evictable, counted {counted}"
    for node in tree.pins:
        assert node.locks > 0, f"{node} is pinned and not locked"


def _check_queue(tree: RadixTree, nodes: list[Node]) -> None:
    entries = Counter(node for _, node in tree.queue)
    for tick, node in tree.queue:
        assert tick <= node.tick, f"{node} is queued at {tick}, later than its use at {node.tick}"
        assert node.queued and entries[node] == 1, f"{node} is queued {entries[node]} times"
    for node in nodes:
        assert node.queued == (node in entries), f"{node} does not know whether it is queued"
        assert node.queued or not evictable(node), f"{node} is evictable and not queued"
