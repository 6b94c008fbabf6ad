"""Token masks of grammars on the device: found, made, and grammars advanced.

tables    what lies on the device     find    the mask of each row, made where it is missing
claim     rows to places in the bank  walk    the vocabulary through a grammar
step      one byte, calls and returns included
given     a vocabulary and a grammar, as those who have them give them
layout    what all of these, and native code for a CPU (kernels/cpu/masks), must agree on
"""
