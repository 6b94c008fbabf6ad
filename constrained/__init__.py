"""Constraints on generated text: from what the user demands to which tokens may follow.

    compiler = Compiler(vocabulary, encode)
    grammar = compiler.compile(JsonSchema(schema))       # Constraint -> Grammar: shared, immutable
    matcher = compiler.matcher(grammar)                  # Grammar -> Matcher: one per request, tiny

What is compiled on the host is an automaton over bytes, in milliseconds, and never anything as large as the
vocabulary: masks come from walking the tokens' bytes through it, on the device (or here, in `tokens`, exactly alike).

    spec            Regex, Choices, JsonSchema, Ebnf, Tagged: plain values
    regex/, schema/, ebnf/, tags/    the front ends, each to a Machine
    automata/       determinise, trim, minimise; boolean operations
    machine/        rules over bytes that call each other, with counters, bits and verdicts; on to tables
    grammar/        the tables, walked one text at a time; places in them; the host tier (threads, distinct)
    tokens/         tokens as bytes, many walked at once: masks, and text without a choice
    compiling/      once each, in turns, by whom, and kept; limits: within which budgets

A grammar's tier says who makes its masks: the device, from tables of any size; or the host, one token late, where the
grammar is ambiguous, or where the items of an array must differ and nobody can list them.

Every keyword is enforced exactly or refused by name with its place; nothing over-accepted. A value has fewer spellings
than JSON allows: properties come in declared order and then others, integers have no exponent, names and listed values
have one spelling (see `schema`). It refuses to know models, devices and requests.
"""
