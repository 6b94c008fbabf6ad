"""Native code for decoding on a CPU: a whole step of a model in one call, made for its shape when it is opened; and in
masks/ what grammars need in each step.

    emit        the small language in which the rest is written: Python expressions that become LLVM IR
    target      what this machine's vectors are, and from IR to something that can be called
    product     rows times a packed weight
    elementwise norms, rotation, the places of keys and values
    attention   one query over its pages
    team        threads that share the items of a phase
    decoder     all of it in order: the layers, then the head

Seventy short products with an operator call each are mostly calls and threads waiting for each other. Here a phase
costs little to share, and weights are read at half their size where that loses nothing.
"""
