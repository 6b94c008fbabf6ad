"""Arrays: what is known of their items, and the spots between them.

arrays      the graph of one array         taking_item what an item leaves of all that is wanted
items       what a schema says of them     distinct    items that must differ, as the host judges them
"""
