"""Regular expressions: from their text to automata over code points, and from these to automata over bytes.

charset          sets of code points, and the partition that a pattern cannot tell apart
properties       Unicode categories, scripts and the other properties of \\p{...}
classes          escapes and bracketed classes
tree, parser     syntax: what Python's `re` reads, and what ECMA-262 reads
pattern          syntax tree to automaton; patterns met, subtracted and bounded
network          a tree that looks around, as states and ways with conditions
looking          the automaton of such a network: lookahead, lookbehind, atomic groups
spelling         code points written as bytes: UTF-8, or JSON strings
counting         a regex as a machine: long repeats counted, not unrolled
"""
