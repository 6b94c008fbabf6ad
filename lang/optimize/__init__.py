"""Optimising Programs: the same text and variables, sooner.

    document = optimize(document)         # passes: all of them, in an order that suits

Each pass is a pure function from Document to Document, in a file of its own, and can be left out:

    dead       branches that nothing reads are not run, variables that nothing can see are not set
    prefix     text that is the same in every run comes first and is marked, so that it can be computed beforehand
    order      branches of a fork that begin alike follow each other, so that the second finds what the first computed
    together   branches that wait for their own values wait side by side
    ahead      every constraint is listed once, in the order of need, so that it can be compiled before anything runs

`lanes` finds what branches do between a fork and a join; `rewrite` goes through the blocks. Nothing here runs anything.
"""
