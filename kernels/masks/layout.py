"""What the tables for masks are made of, in numbers; see tables.py, which says what they mean."""

NONE = 2**30
CLAIM = 2**29
FRAMES = 64
ACTION = 11
PUSHED = 8
LIMITS = 4
EXACT = -1  # of a register: every value matters
PROBES = 64
AHEAD = 2  # numbers of a state before the entries of its classes
CALLER = -1  # the entry that hands the byte to the caller
FREE = -1  # as a row's grammar: all tokens are allowed
HOSTED = -2  # as a row's grammar: the host gives its masks and moves it
FIRST = 0x2545F4914F6CDD1D  # what keys begin with
FACTOR = 0x369DEA0F31A53F85  # any odd number with bits all over
LANES = 64  # tokens that are walked side by side
