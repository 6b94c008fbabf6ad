"""Eviction: the exact order, what locks and pins keep, and what is counted as evictable."""

import pytest

from trellis.radix import Node, RadixTree, check


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tree(clock: Clock) -> RadixTree:
    return RadixTree(page_size=2, clock=clock)


def put(tree: RadixTree, *tokens: int, pages: list[int], namespace: str = "") -> Node:
    return tree.insert(list(tokens), pages, namespace).node


def use(tree: RadixTree, node: Node) -> None:
    tree.lock(node)
    tree.unlock(node)


def test_the_longest_unused_leaf_goes_first(tree: RadixTree) -> None:
    first = put(tree, 1, 1, pages=[1])
    put(tree, 2, 2, pages=[2])
    put(tree, 3, 3, pages=[3])
    use(tree, first)
    assert [tree.evict(1).tolist() for _ in range(4)] == [[2], [3], [1], []]
    check(tree)


def test_inserting_again_is_use_and_looking_is_not(tree: RadixTree) -> None:
    put(tree, 1, 1, pages=[1])
    put(tree, 2, 2, pages=[2])
    put(tree, 3, 3, pages=[3])
    tree.match([1, 1])
    put(tree, 2, 2, pages=[2])
    assert tree.evict(3).tolist() == [1, 3, 2]


def test_whole_leaves_go_until_enough_is_free(tree: RadixTree) -> None:
    put(tree, 1, 1, 1, 1, 1, pages=[1, 2, 3])
    put(tree, 2, 2, pages=[4])
    assert tree.evict(2).tolist() == [1, 2, 3]
    assert tree.evict(0).tolist() == []
    assert tree.evict(5).tolist() == [4]


def test_a_parent_follows_its_last_child_unless_it_was_used_since(tree: RadixTree) -> None:
    parent = put(tree, 1, 1, pages=[1])
    child = put(tree, 1, 1, 2, 2, pages=[1, 2])
    put(tree, 9, 9, pages=[9])
    use(tree, child)
    put(tree, 8, 8, pages=[8])
    assert [tree.evict(1).tolist() for _ in range(3)] == [[9], [2], [1]]
    parent = put(tree, 1, 1, pages=[1])
    put(tree, 1, 1, 2, 2, pages=[1, 2])
    put(tree, 9, 9, pages=[9])
    use(tree, parent)
    assert [tree.evict(1).tolist() for _ in range(4)] == [[8], [2], [9], [1]]


def test_both_parts_of_a_split_can_be_flushed(tree: RadixTree) -> None:
    put(tree, 1, 1, 2, 2, pages=[1, 2])
    put(tree, 1, 1, pages=[1])
    assert tree.flush().tolist() == [2, 1]
    check(tree)


def test_of_siblings_the_oldest_goes_and_the_parent_waits(tree: RadixTree) -> None:
    put(tree, 1, 1, 2, 2, pages=[1, 2])
    put(tree, 1, 1, 3, 3, pages=[1, 3])
    put(tree, 1, 1, 4, 4, pages=[1, 4])
    put(tree, 5, 5, pages=[5])
    assert tree.evict(5).tolist() == [2, 3, 4, 1, 5]


def test_a_lock_keeps_a_node_and_its_ancestors_and_counts(tree: RadixTree) -> None:
    put(tree, 1, 1, pages=[1])
    held = put(tree, 1, 1, 2, 2, pages=[1, 2])
    put(tree, 1, 1, 2, 2, 3, 3, pages=[1, 2, 3])
    put(tree, 1, 1, 4, 4, pages=[1, 4])
    tree.lock(held)
    tree.lock(held)
    assert (tree.evictable_pages, tree.evict(9).tolist()) == (2, [3, 4])
    tree.unlock(held)
    assert (tree.evictable_pages, tree.evict(9).tolist()) == (0, [])
    check(tree)
    tree.unlock(held)
    assert (tree.evictable_pages, tree.evict(9).tolist()) == (2, [2, 1])
    assert (tree.cached_pages, tree.node_count) == (0, 0)
    check(tree)


def test_a_page_that_a_locked_node_would_inherit_is_not_evictable(tree: RadixTree) -> None:
    put(tree, 1, 1, 1, 4, pages=[1, 2])
    held = put(tree, 1, 1, 1, pages=[1, 2])
    put(tree, 1, 1, 1, 5, pages=[1, 3])
    tree.lock(held)
    assert (tree.cached_pages, tree.evictable_pages) == (3, 1)
    assert tree.evict(9).tolist() == [2]
    assert tree.match([1, 1, 1]).tail == 3
    check(tree)


def test_a_pin_keeps_until_its_time_is_up(tree: RadixTree, clock: Clock) -> None:
    node = put(tree, 1, 1, pages=[1])
    tree.pin(node, 10)
    clock.now = 9
    assert (tree.expire(), tree.evict(1).tolist()) == (0, [])
    check(tree)
    clock.now = 10
    assert (tree.expire(), tree.evict(1).tolist()) == (1, [1])
    tree.unpin(node)
    assert not tree.pins


def test_a_pin_is_lengthened_and_never_shortened(tree: RadixTree, clock: Clock) -> None:
    node = put(tree, 1, 1, pages=[1])
    tree.pin(node, 10)
    tree.pin(node, 5)
    assert tree.expire(now=9) == 0
    tree.pin(node, 20)
    assert (tree.expire(now=15), node.locks) == (0, 1)
    tree.unpin(node)
    assert (node.locks, tree.evict(1).tolist()) == (0, [1])
    with pytest.raises(ValueError, match="more than 0 seconds"):
        tree.pin(node, 0)


def test_a_flush_leaves_what_is_kept(tree: RadixTree) -> None:
    held = put(tree, 1, 1, pages=[1])
    put(tree, 1, 1, 2, 2, pages=[1, 2])
    put(tree, 3, 3, pages=[3], namespace="other")
    tree.lock(held)
    assert sorted(tree.flush().tolist()) == [2, 3]
    assert [node for _, node in tree.walk()] == [held]
    check(tree)
    tree.unlock(held)
    assert tree.flush("missing").tolist() == []
    assert tree.flush().tolist() == [1]
    assert len(tree.queue) == 0


def test_use_is_shown_with_its_time(tree: RadixTree, clock: Clock) -> None:
    clock.now = 3.5
    node = put(tree, 1, 1, pages=[1])
    assert node.used == 3.5
    clock.now = 4.5
    use(tree, node)
    assert [(depth, n.tokens.tolist(), n.locks, n.used) for depth, n in tree.walk()] == [
        (0, [1, 1], 0, 4.5)
    ]


def test_use_does_not_make_the_queue_grow(tree: RadixTree) -> None:
    nodes = [put(tree, n, n, pages=[n]) for n in range(1, 5)]
    for _ in range(50):
        for node in reversed(nodes):
            use(tree, node)
    assert len(tree.queue) == 4
    assert tree.evict(4).tolist() == [4, 3, 2, 1]
