"""Constraints on generated text: from what the user demands to which tokens may follow.

    compiler = Compiler(vocabulary, encode)
    grammar = compiler.compile(JsonSchema(schema))       # Constraint -> Grammar: shared, immutable
    matcher = compiler.matcher(grammar)                  # Grammar -> Matcher: one per request, tiny

What is compiled on the host is an automaton over bytes, in milliseconds, and never anything as large as the
vocabulary: masks come from walking the tokens' bytes through it, on the device (or here, in `walk`, exactly alike).

    spec                       Regex, Choices, JsonSchema, Ebnf: plain values
    pattern_*, charset         regular expression -> automaton over code points
    spelling                   code points -> bytes: UTF-8, or JSON strings with all their escapes
    schema_*, formats          JSON Schema -> automata, bottom up, joined by `assembly`
    automaton, product, trie   determinise, trim, minimise; boolean operations; lists of texts
    grammar                    the finished tables
    vocabulary, walk           tokens as bytes; masks
    forced, matcher            tokens without a choice; a request's place in its grammar
    compiler, limits           once each, within budgets

Every keyword is enforced exactly or refused by name with its place; nothing is ignored and nothing over-accepted. A
generated value may be less than a schema allows: properties come in declared order and no others are written, integers
have no exponent, names and listed values have one spelling. It refuses to know models, devices and requests.
"""
