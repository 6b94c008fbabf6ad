"""Constraints on generated text: from what the user demands to which tokens may follow.

    compiler = Compiler(vocabulary, encode)
    grammar = compiler.compile(JsonSchema(schema))       # Constraint -> Grammar: shared, immutable
    matcher = compiler.matcher(grammar)                  # Grammar -> Matcher: one per request, tiny

What is compiled on the host is an automaton over bytes, in milliseconds, and never anything as large as the
vocabulary: masks come from walking the tokens' bytes through it, on the device (or here, in `walk`, exactly alike).

    spec                       Regex, Choices, JsonSchema, Ebnf, Tagged: plain values
    lowering                   from each of them, by its front end, to a Machine, and on to a Grammar
    regex/, schema/, ebnf/     the front ends; tagged, free_text: free text with constrained parts
    automaton, product, trie   determinise, trim, minimise; boolean operations; lists of texts
    rule                       Machine: rules over bytes that call each other, with counters, bits and verdicts
    align, live, tables        a machine's rules as one table; what can end; the finished tables
    grammar, place             the tables, walked one text at a time; where a text stands in them
    threads                    where one text can be read in several ways: the host tier
    vocabulary, lanes, shelf,  tokens as bytes; many of them walked at once;
    walk                       masks
    forced, matcher            tokens without a choice; a request's place in its grammar
    compiler, workers, folder  once each, by whom, and kept; limits: within which budgets

A grammar's tier says who makes its masks: the device, from tables of any size; or the host, one token late, where the
grammar is ambiguous.

Every keyword is enforced exactly or refused by name with its place; nothing over-accepted. A value has fewer spellings
than JSON allows: properties come in declared order and then others, integers have no exponent, names and listed values
have one spelling (see `schema`). It refuses to know models, devices and requests.
"""
