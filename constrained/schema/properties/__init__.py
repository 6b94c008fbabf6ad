"""Objects: what is known of their properties, and the spots between them.

objects     the graph of one object        plain       of one that only names properties, as nearly all are
members     what a schema says of them     taking      what a property leaves of all that is wanted
names       which are listed, and classes of all others        undeclared  whether there are any of these
demands     which vectors of a value are wanted where          orders      properties in any order
"""
