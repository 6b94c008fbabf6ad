"""A compiled grammar and the places in it: what follows, what may end, one byte or many at a time."""
