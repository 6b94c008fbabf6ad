"""KV memory: `pages.py` the free list, `cache.py` the free list and the radix tree together, `pools.py` the tensors.

Pages and PrefixCache live on the host and know no tensors; a Pool knows nothing but its tensor. They agree on page
ids alone: page 0 is nobody's.
"""
