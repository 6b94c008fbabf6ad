"""Filling a model's parameters: from a folder's safetensors, or with random numbers for measuring.

    load_weights(model, folder)     # load.py: every parameter exactly once, nothing left over
    fill_dummy(model, seed=0)       # dummy.py: on the device, as fast as it can write

The model says which tensor of a checkpoint goes where; the folder's files are streamed, never held. Pickled weights are
not read, ever.
"""
