"""Checking constraints away from any model: what is enforced, and whether texts are judged as they should be.

    cases       lines of a batch: a schema, and instances with what the schema says of them
    judging     one constraint compiled; one text walked through it, by bytes or by tokens
    batch       a file of cases, answered a line at a time; tally: what the answers add up to
    peers       the same cases put to another engine that is installed, in a process of its own
    settings    how schemas are read; findings: all there is to say about one constraint
    example     the shortest text that a grammar accepts
    wording     the keywords of a schema, and how each is enforced
    wander      random texts of allowed tokens, up to their end; crowd: many side by side

It refuses to know models, requests and the device.
"""
