"""Calling: what align and needs find out about calls, as loops over arrays."""

import numpy as np

from ...automata.automaton import Flags
from ..align import Aligned, Ints, Links
from ..needs import RECURSIVE
from .linking import Goals, goals_of
from .native import native


def find_depths(aligned: Aligned) -> Ints:
    """As needs.find_depths."""
    return order_rules(aligned.ways.call, aligned.ways.call_at_limit, aligned.spans)


def find_pushes(aligned: Aligned, links: Links) -> Flags:
    """As align.find_pushes."""
    return push(goals_of(aligned.ways), links.ways)


@native
def push(goals: Goals, ways: Ints) -> Flags:
    """Which links leave a frame behind, away from the limit and at it."""
    pushes = np.empty((len(ways), 2), np.bool_)
    for link in range(len(ways)):
        for kind in range(2):
            calls = goals.call[kind, ways[link]] >= 0
            pushes[link, kind] = calls and goals.goes_on[kind, ways[link]] > 0
    return pushes


@native
def order_rules(call: Ints, call_at_limit: Ints, spans: Ints) -> Ints:
    """The depths of rules, callers first."""
    rules = len(spans) - 1
    waiting, depths = np.zeros(rules, np.int64), np.zeros(rules, np.int64)
    for way in range(len(call)):
        for callee in (call[way], call_at_limit[way]):
            if callee >= 0:
                waiting[callee] += 1
    order, known = np.empty(rules, np.int64), 0
    for rule in range(rules):
        order[known] = rule
        known += waiting[rule] == 0
    at = 0
    while at < known:
        rule = order[at]
        at += 1
        for way in range(spans[rule], spans[rule + 1]):
            for callee in (call[way], call_at_limit[way]):
                if callee >= 0:
                    depths[callee] = max(depths[callee], depths[rule] + 1)
                    waiting[callee] -= 1
                    if waiting[callee] == 0:
                        order[known] = callee
                        known += 1
    for rule in range(rules):
        if waiting[rule] > 0:
            depths[rule] = RECURSIVE
    return depths


def find_chain(aligned: Aligned, links: Links) -> int:
    """As align.find_chain."""
    depth = chain(links.ways, (links.onward, links.at_limit), aligned.ways.call)
    assert depth >= 0, "rules call each other without end on one byte"
    return depth


@native
def chain(ways: Ints, children: tuple[Ints, Ints], call: Ints) -> int:
    """Most calls that one byte makes; less than 0 if there is no most."""
    depths, most, chained = np.zeros(len(ways), np.int64), 0, False
    for link in range(len(ways)):
        depths[link] = call[ways[link]] >= 0
        most = max(most, depths[link])
        chained |= children[0][link] < 0 or children[1][link] < 0
    for _ in range(len(ways) + 2):
        if not chained:
            return most
        chained = False
        for link in range(len(ways)):
            for kind in range(2):
                child = children[kind][link]
                if child < 0 and depths[-1 - child] >= depths[link]:
                    depths[link], chained = 1 + depths[-1 - child], True
                    most = max(most, depths[link])
    return -1
