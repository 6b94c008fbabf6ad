"""Token masks of grammars as native code: what kernels/masks does on a device, for a CPU, bit for bit.

trie      a vocabulary as a trie that is walked from front to back, and its plain words
blocks    what native code is told: addresses and numbers, in an order
step      one byte that is not plain: calls, returns, counters
words     how many plain characters may follow, whichever they are
walk      the mask of one place
rows      all rows of a step: masks found or made; grammars moved over tokens
native    all of it compiled, for an engine's tables and for a host's places
coming    that, made in a thread of its own
"""
