"""Parts that every model is made of: the linear seam, rope tables, the attention seam.

    linear       y = x W^T + b, with a replaceable product
    products     which product each large Linear uses for a few tokens on a GPU
    rope         the table of cosines and sines that the rope kernel reads; rope_config: what it is made from
    attend       the protocol through which a model reaches the KV pool, without knowing that there is one
    placement    where tensors live and in which dtype

Nothing here is a torch Module: a layer is a few tensors and a call. Gradients, hooks and names of checkpoints are not
its business.
"""
