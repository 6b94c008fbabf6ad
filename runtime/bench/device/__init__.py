"""What a GPU gives, and what is measured against it.

    limits.py    bytes and operations a second of the plainest work; a line of a table
    floors.py    the least time for a workload's steps and prompts
    case.py      rows of random keys and queries, and what attention over them costs
    linear.py    linear layers of few tokens
    flash.py     FlashAttention 3 over the same rows
    traces.py    what ran on the device, kernel by kernel

It refuses to know an engine.
"""
