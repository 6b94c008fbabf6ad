"""Matching, inserting and who owns which page, with exact page ids. Pages hold 4 tokens here."""

import numpy as np
import pytest

from trellis.radix import Match, Node, RadixTree, check


@pytest.fixture
def tree() -> RadixTree:
    return RadixTree(page_size=4)


def seen(match: Match) -> tuple[int, list[int], int | None]:
    return match.length, match.pages.tolist(), match.tail


def owned(tree: RadixTree, namespace: str | None = None) -> list[tuple[int, int, int, list[int]]]:
    """(depth, start, end, pages) of every node, by its path."""
    nodes = sorted(tree.walk(namespace), key=lambda pair: pair[1].path.tolist())
    return [(depth, node.start, node.end, node.pages.tolist()) for depth, node in nodes]


def test_an_empty_tree_matches_nothing(tree: RadixTree) -> None:
    assert seen(tree.match([1, 2, 3])) == (0, [], None)
    assert seen(tree.match([])) == (0, [], None)
    assert not tree.roots
    check(tree)


@pytest.mark.parametrize(
    ("tokens", "wanted"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], (9, [10, 11], 12)),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 99], (9, [10, 11], 12)),
        ([1, 2, 3, 4, 5, 6, 7, 8], (8, [10, 11], None)),
        ([1, 2, 3, 4, 5, 99], (5, [10], 11)),
        ([1, 99], (1, [], 10)),
        ([99, 1], (0, [], None)),
    ],
)
def test_a_match_is_exact_to_the_token(
    tree: RadixTree, tokens: list[int], wanted: tuple[int, list[int], int | None]
) -> None:
    tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 12])
    assert seen(tree.match(tokens)) == wanted
    assert tree.node_count == 1


def test_a_split_gives_the_page_across_the_cut_to_the_lower_part(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 12])
    done = tree.insert([1, 2, 3, 4, 5, 6, 77, 78, 79, 80], [10, 21, 22])
    assert (done.present, done.freed.tolist()) == (6, [])
    assert owned(tree) == [(0, 0, 6, [10]), (1, 6, 9, [11, 12]), (1, 6, 10, [21, 22])]
    assert seen(tree.match([1, 2, 3, 4, 5, 6])) == (6, [10], 11)
    check(tree)


def test_a_split_between_pages_needs_no_copy(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4, 5, 6, 7, 8], [10, 11])
    tree.insert([1, 2, 3, 4, 77], [10, 21])
    assert owned(tree) == [(0, 0, 4, [10]), (1, 4, 8, [11]), (1, 4, 5, [21])]
    assert seen(tree.match([1, 2, 3, 4])) == (4, [10], None)


def test_nodes_that_end_in_the_same_page_own_none_of_it(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4, 5], [10, 11])
    tree.insert([1, 2, 70], [20])
    tree.insert([1, 80], [30])
    assert owned(tree) == [
        (0, 0, 1, []), (1, 1, 2, []), (2, 2, 5, [10, 11]), (2, 2, 3, [20]), (1, 1, 2, [30]),
    ]  # fmt: skip
    assert seen(tree.match([1])) == (1, [], 10)
    check(tree)


def test_duplicates_are_reported_and_shared_pages_are_not(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4, 5, 6, 7, 8], [10, 11])
    done = tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 21, 22])
    assert (done.present, done.duplicates.tolist(), done.redundant.tolist()) == (8, [21], [])
    again = tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 32])
    assert (again.present, again.freed.tolist()) == (9, [32])
    same = tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 22])
    assert (same.present, same.freed.tolist()) == (9, [])
    check(tree)


def test_a_leaf_hands_its_partial_page_to_its_first_child(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4, 5], [10, 11])
    done = tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 12])
    assert done.freed.tolist() == []
    assert owned(tree) == [(0, 0, 5, [10]), (1, 5, 9, [11, 12])]
    check(tree)


def test_a_partial_page_is_redundant_once_a_child_has_a_copy(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4, 5], [10, 11])
    done = tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 21, 22])
    assert (done.duplicates.tolist(), done.redundant.tolist()) == ([], [11])
    assert seen(tree.match([1, 2, 3, 4, 5])) == (5, [10], 21)
    assert tree.cached_pages == 3
    check(tree)


def test_inserting_what_is_inside_a_node_gives_a_node_that_ends_there(tree: RadixTree) -> None:
    first = tree.insert([1, 2, 3, 4, 5, 6], [10, 11]).node
    done = tree.insert([1, 2, 3, 4, 5], [10, 11])
    assert done.node.path.tolist() == [1, 2, 3, 4, 5]
    assert (done.present, done.freed.tolist()) == (5, [])
    assert first.path.tolist() == [1, 2, 3, 4, 5, 6]
    assert owned(tree) == [(0, 0, 5, [10]), (1, 5, 6, [11])]


def test_the_last_child_leaves_its_first_page_to_a_parent_that_ends_inside_it(
    tree: RadixTree,
) -> None:
    tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 12])
    parent = tree.insert([1, 2, 3, 4, 5, 6], [10, 21]).node
    tree.lock(parent)
    assert tree.evictable_pages == 1
    assert tree.evict(9).tolist() == [12]
    assert owned(tree) == [(0, 0, 6, [10, 11])]
    assert seen(tree.match([1, 2, 3, 4, 5, 6])) == (6, [10], 11)
    check(tree)
    tree.unlock(parent)
    assert tree.evict(9).tolist() == [10, 11]
    check(tree)


def test_a_page_is_left_upwards_through_nodes_that_own_none(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4, 5], [10, 11])
    tree.insert([1, 2, 70], [20])
    tree.insert([1, 80], [30])
    tree.lock(tree.match([1]).node)
    assert sorted(tree.evict(9).tolist()) == [10, 11, 20]
    assert seen(tree.match([1])) == (1, [], 30)
    assert owned(tree) == [(0, 0, 1, [30])]
    check(tree)


def test_a_match_can_start_from_a_locked_node(tree: RadixTree) -> None:
    base = tree.insert([1, 2, 3, 4, 5], [10, 11]).node
    tree.lock(base)
    tree.insert([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 21, 22])
    tree.insert([1, 2, 66], [30])
    for tokens in ([1, 2, 3, 4, 5, 6, 7, 8, 9, 9], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 99]):
        assert seen(tree.match(tokens, start=base)) == seen(tree.match(tokens))
    assert seen(tree.match([1], start=base)) == seen(tree.match([1]))
    assert seen(tree.match([], start=base)) == (0, [], None)


def test_namespaces_see_nothing_of_each_other(tree: RadixTree) -> None:
    tree.insert([1, 2, 3, 4], [10], "a")
    assert seen(tree.match([1, 2, 3, 4], "b")) == seen(tree.match([1, 2, 3, 4])) == (0, [], None)
    done = tree.insert([1, 2, 3, 4], [11], "b")
    assert (done.present, done.freed.tolist()) == (0, [])
    assert owned(tree, "a") == [(0, 0, 4, [10])]
    assert tree.flush("a").tolist() == [10]
    assert list(tree.roots) == ["b"]
    check(tree)


def test_a_lock_on_nothing_survives_what_comes_and_goes(tree: RadixTree) -> None:
    root = tree.match([1, 2]).node
    tree.lock(root)
    tree.insert([1, 2], [10])
    assert seen(tree.match([1, 2, 3], start=root)) == (2, [], 10)
    assert tree.evict(1).tolist() == [10]
    assert not tree.roots
    tree.unlock(root)
    check(tree)


def test_the_holder_of_a_node_keeps_its_path_through_splits(tree: RadixTree) -> None:
    held = tree.insert([1, 2, 3, 4, 5, 6, 7, 8], [10, 11]).node
    tree.lock(held)
    for cut in (6, 3, 5):
        tree.insert(
            [1, 2, 3, 4, 5, 6][:cut] + [50], [10, 20 + cut][: cut // 4 + 1] if cut > 3 else [23]
        )
        assert held.path.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
        check(tree)
    assert sorted(tree.evict(99).tolist()) == [23, 25, 26]
    assert seen(tree.match([1, 2, 3, 4, 5, 6, 7, 8])) == (8, [10, 11], None)


@pytest.mark.parametrize("pages", [[], [1], [1, 2, 3]])
def test_a_wrong_number_of_pages_is_refused(tree: RadixTree, pages: list[int]) -> None:
    with pytest.raises(ValueError, match="5 tokens take 2 pages of 4"):
        tree.insert([1, 2, 3, 4, 5], pages)
    assert not tree.roots


def test_a_page_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 token"):
        RadixTree(0)


def test_nodes_and_pages_show_in_errors(tree: RadixTree) -> None:
    node = tree.insert([1, 2, 3, 4, 5], [10, 11]).node
    assert repr(node) == "Node([0, 5), pages=[10, 11], locks=0, children=0)"
    with pytest.raises(AssertionError, match="is not locked"):
        tree.unlock(node)
    tree.evict(1)
    with pytest.raises(AssertionError, match="no longer in the tree"):
        tree.lock(node)


def _break(tree: RadixTree, node: Node, what: str) -> None:
    if what == "owners":
        node.pages = np.array([node.pages[0], node.pages[0]], np.int32)
    elif what == "pages":
        node.pages = node.pages[:-1]
    elif what == "locks":
        node.locks += 1
    elif what == "queue":
        tree.queue.take()
    elif what == "children":
        node.parent.children[b"none"] = node.parent.children.pop(node.key[:4])
    elif what == "start":
        node.start += 1


@pytest.mark.parametrize("what", ["owners", "pages", "locks", "queue", "children", "start"])
def test_check_finds_what_is_broken(tree: RadixTree, what: str) -> None:
    node = tree.insert([1, 2, 3, 4, 5], [10, 11]).node
    check(tree)
    _break(tree, node, what)
    with pytest.raises(AssertionError):
        check(tree)
