"""EBNF grammars: from their text to a machine of rules over bytes.

    machine = lower_ebnf(Ebnf(text), budget)             # in `lower`, which also says which language results

    lark_syntax, lark_terminals, lark_reader     Lark's dialect, its imports and templates
    gbnf_reader                                  llama.cpp's dialect, which xgrammar and SGLang read too
    syntax                                       what both hand over: rules of symbols
    network                                      a rule as an automaton over symbols
    recursion                                    useless and empty rules, left recursion
    bounds, inlining                             rules put in place of their calls
    choice                                       alternatives told apart by their first byte
    lexicon, lexing                              terminals as bytes; which of several a text is
    writing                                      networks as rules of the machine

Nothing here walks a text: the cost of ambiguity is paid once, when compiling. What cannot be made deterministic is
still exact, by threads of the machine.
"""
